import Foundation
import LoopbackHub
import Synchronization

@testable import ModelHub

/// A cache in a temporary folder, and pulls into it from a hub that behaves as a test wants.
final class PullBench: Sendable {
    let hub: LoopbackHub
    let repository: HubRepository
    let home: URL
    private let seen = Mutex<(events: [PullEvent], pauses: [Duration])>(([], []))

    init(
        _ repository: HubRepository = .checkpoint, onHub: @escaping LoopbackHub.Script = { $1 },
        onFiles: @escaping LoopbackHub.Script = { $1 }
    ) throws {
        self.repository = repository
        hub = try LoopbackHub(repository, onHub: onHub, onFiles: onFiles)
        home = URL(filePath: NSTemporaryDirectory()).appending(path: "docent-hub-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    }

    deinit {
        hub.stop()
        try? FileManager.default.removeItem(at: home)
    }

    /// - Parameter silence: how long nothing may come. Pauses between tries pass at once and are noted.
    func pull(
        _ reference: String = "owner/model", silence: Duration = .seconds(120), environment: [String: String] = [:]
    ) async throws -> String {
        let settings = try HubSettings(environment: variables.merging(environment) { $1 })
        var pull = ModelPull(try ModelReference(reference), settings: settings, userAgent: "test") { event in
            self.seen.withLock { $0.events.append(event) }
        }
        pull.configuration.patience = .seconds(120)
        pull.configuration.silence = silence
        pull.configuration.pause = { pause in self.seen.withLock { $0.pauses.append(pause) } }
        return try await pull.run()
    }

    /// The error that a pull ends with; nil when it succeeds.
    func failure(
        _ reference: String = "owner/model", silence: Duration = .seconds(120), environment: [String: String] = [:]
    ) async -> HubError? {
        do {
            _ = try await pull(reference, silence: silence, environment: environment)
            return nil
        } catch {
            return error as? HubError
        }
    }

    var variables: [String: String] { ["HF_HOME": home.path, "HF_ENDPOINT": hub.url] }
    var cache: HubCache { HubCache(environment: variables) }
    var cached: CachedRepository { cache.repository(repository.id) }

    var events: [PullEvent] { seen.withLock { $0.events } }
    var pauses: [Duration] { seen.withLock { $0.pauses } }

    /// Bytes that came over the network into blobs.
    var receivedBytes: Int {
        events.reduce(0) { sum, event in if case .received(let bytes) = event { sum + bytes } else { sum } }
    }

    /// Where ranges of large files began; 0 for a whole file.
    var starts: [Int] { hub.fileRequests.map { $0.start ?? 0 } }

    func blob(of path: String) -> BlobID { BlobID(repository.blobName(of: path)) ?? .git("") }

    func content(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map(Array.init) }

    /// Names in a folder of the cached repository.
    func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: cached.folder + "/" + folder)) ?? []).sorted()
    }

    /// What an interrupted run leaves: `bytes` as the beginning of `path`.
    func leavePartial(_ bytes: [UInt8], of path: String) throws {
        try cached.prepare()
        try Data(bytes).write(to: URL(filePath: cached.partialPath(blob(of: path))))
    }
}

extension HubRepository {
    static let weights = noise(300_000)

    /// A checkpoint as they are published, with what docent has no use for.
    static let checkpoint = HubRepository(files: [
        "config.json": Array(#"{"model_type":"tiny"}"#.utf8), "tokenizer.json": Array("{}".utf8),
        "chat_template.jinja": Array("{{ messages }}".utf8), "model.safetensors": weights,
        "pytorch_model.bin": noise(100), "onnx/model.onnx": noise(100), "README.md": Array("# Model".utf8),
        "cat.png": noise(100), "modeling.py": Array("pass".utf8), "consolidated.safetensors": noise(100),
        ".gitattributes": [], "onnx/config.json": Array("{}".utf8),
    ])

    /// Bytes that no compression and no accident makes equal.
    static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(state >> 56)
        }
    }

    static func gguf(_ names: String...) -> HubRepository {
        HubRepository(files: Dictionary(uniqueKeysWithValues: names.map { ($0, noise(5000)) }))
    }
}

extension HubRequest {
    var isListing: Bool { target.hasPrefix("/api/") }
}

extension HubError? {
    var text: String { map(\.description) ?? "no error" }
}
