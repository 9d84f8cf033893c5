import Compute
import Foundation

@testable import Models

/// Where the checkpoints made by Tests/Reference lie.
enum CheckpointFixtures {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/checkpoints")

    static let smolVLM = path("smolvlm-tiny")
    static let idefics3 = path("idefics3-tiny")
    static let nemotron = path("nemotron-tiny")
    static let internVL = path("internvl-tiny")
    static let qwen25VL = path("qwen25vl-tiny")
    static let qwen3VL = path("qwen3vl-tiny")
    static let llava = path("llava-tiny")
    static let gemma3 = path("gemma3-tiny")

    static func path(_ name: String) -> String { folder.appending(path: name).path() }

    static func decode<Value: Decodable>(_ type: Value.Type, from name: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: name)))
    }
}

/// A folder that lives as long as its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "docent-models-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path()
    }

    /// A writable copy of a fixture.
    convenience init(copyOf source: String) throws {
        try self.init()
        for name in try FileManager.default.contentsOfDirectory(atPath: source) where name != "golden.json" {
            try FileManager.default.copyItem(atPath: source + "/" + name, toPath: path + "/" + name)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }

    /// Sets the value at a path of keys ("text_config.hidden_size") in the settings `name` to a JSON text.
    func set(_ path: String, to json: String, in name: String = "config.json") throws {
        let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
        func setting(_ settings: [String: Any], _ keys: ArraySlice<String>) -> [String: Any] {
            guard let key = keys.first else { return settings }
            let section = settings[key] as? [String: Any] ?? [:]
            return settings.merging([key: keys.count == 1 ? value : setting(section, keys.dropFirst())]) { $1 }
        }
        try edit(name) { $0 = setting($0, path.split(separator: ".").map(String.init)[...]) }
    }

    /// What loading the checkpoint in this folder fails with; "loaded" if it does not.
    var loadingError: String {
        do {
            _ = try ModelLoader.load(path, backend: CPUBackend(threads: 1))
            return "loaded"
        } catch {
            return "\(error)"
        }
    }

    /// Rewrites the settings in `name` through `change`.
    func edit(_ name: String, _ change: (inout [String: Any]) -> Void) throws {
        let url = URL(filePath: path + "/" + name)
        var settings = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
        change(&settings)
        try JSONSerialization.data(withJSONObject: settings).write(to: url)
    }
}

/// Bytes of safetensors files, right ones and wrong ones.
enum SafetensorsBytes {
    /// A header text in front of `data` bytes of zeros; `length` overrides the header's stated length.
    static func file(header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
        let text = Array(header.utf8)
        let prefix = withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian) { Array($0) }
        return prefix + text + [UInt8](repeating: 0, count: data)
    }

    /// A file of f32 tensors.
    static func file(_ tensors: [String: (shape: [Int], values: [Float])]) -> [UInt8] {
        file(tensors.mapValues { tensor in StoredBytes("F32", tensor.shape, tensor.values.map(\.bitPattern)) })
    }

    /// A file of any tensors, laid end to end in order of their names.
    static func file(_ tensors: [String: StoredBytes]) -> [UInt8] {
        var entries: [String] = []
        var data: [UInt8] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let range = [data.count, data.count + tensor.bytes.count]
            data += tensor.bytes
            entries.append(
                "\"\(name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":\(range)}")
        }
        let header = "{" + entries.joined(separator: ",") + "}"
        let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        return file(header: header + padding, data: 0) + data
    }

    /// The tensors of a file.
    static func tensors(of path: String) throws -> [String: StoredBytes] {
        let file = try Safetensors(path)
        return file.entries.mapValues {
            StoredBytes(type: $0.type.name, shape: $0.shape, bytes: Array(file.bytes(of: $0)))
        }
    }
}

/// A tensor on its way into a file, for tests to spoil.
struct StoredBytes: Equatable {
    var type: String
    var shape: [Int]
    var bytes: [UInt8]
}

extension StoredBytes {
    init(_ type: String, _ shape: [Int], _ numbers: [some FixedWidthInteger]) {
        self.init(type: type, shape: shape, bytes: numbers.withUnsafeBytes(Array.init))
    }

    /// Every `Number` in it through `change`.
    mutating func map<Number: FixedWidthInteger>(_ change: (Number) -> Number) {
        let size = MemoryLayout<Number>.size
        bytes = bytes.withUnsafeBytes { old in
            stride(from: 0, to: old.count, by: size).flatMap { offset in
                withUnsafeBytes(of: change(old.loadUnaligned(fromByteOffset: offset, as: Number.self)), Array.init)
            }
        }
    }
}
