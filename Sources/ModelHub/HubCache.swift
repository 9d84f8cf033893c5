import FoundationEssentials

/// The folder that Hugging Face's tools share: `models--OWNER--NAME/{blobs,refs,snapshots}` (hub documentation, "Hub Local
/// Cache").
public struct HubCache: Sendable {
    public let folder: String

    init(folder: String) { self.folder = folder }

    /// HF_HUB_CACHE (or its older name HUGGINGFACE_HUB_CACHE), else `hub` in the home of Hugging Face's tools.
    public init(environment: [String: String]) {
        let environment = environment.filter { !$0.value.isEmpty }
        let named = environment["HF_HUB_CACHE"] ?? environment["HUGGINGFACE_HUB_CACHE"]
        folder = named.map { Self.expanded($0, environment) } ?? Self.home(environment) + "/hub"
    }

    /// HF_HOME, else `huggingface` in $XDG_CACHE_HOME or ~/.cache.
    static func home(_ environment: [String: String]) -> String {
        if let home = environment["HF_HOME"] { return expanded(home, environment) }
        let caches = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
        return caches + "/huggingface"
    }

    private static func expanded(_ path: String, _ environment: [String: String]) -> String {
        let isAtHome = path == "~" || path.hasPrefix("~/")
        return isAtHome ? (environment["HOME"] ?? "") + path.dropFirst() : path
    }

    /// What `--model` can take for `reference`: a checkpoint's folder or a GGUF file. Nil when the cache does not hold it.
    ///
    /// The spelling of the cache wins over that of the reference where they differ in case alone: NVIDIA's NIM calls
    /// `nvidia/Llama-3.1-Nemotron-Nano-VL-8B-V1` by its lower-case name.
    public func checkpoint(of reference: ModelReference) -> String? {
        guard let name = repositoryName(of: reference.repository), let snapshot = snapshot(name, reference.revision)
        else { return nil }
        if let file = reference.file {
            return exists(snapshot + "/" + file) ? snapshot + "/" + file : nil
        }
        if exists(snapshot + "/config.json") { return snapshot }
        let models = names(in: snapshot).filter { $0.hasSuffix(".gguf") }
        return models.count == 1 ? snapshot + "/" + models[0] : nil
    }

    /// Every snapshot of every model, sorted by name.
    public var snapshots: [String] {
        names(in: folder).filter { $0.hasPrefix(Self.prefix) }.flatMap { name in
            names(in: "\(folder)/\(name)/snapshots").map { "\(folder)/\(name)/snapshots/\($0)" }
        }
    }

    func repository(_ name: String) -> CachedRepository {
        CachedRepository(cache: folder, name: Self.prefix + name.split(separator: "/").joined(separator: "--"))
    }

    private static let prefix = "models--"

    /// The folder of `repository`, or the only one whose name differs in case alone.
    private func repositoryName(of repository: String) -> String? {
        let name = self.repository(repository).name
        let all = names(in: folder)
        if all.contains(name) { return name }
        let alike = all.filter { $0.lowercased() == name.lowercased() }
        return alike.count == 1 ? alike[0] : nil
    }

    private func snapshot(_ name: String, _ revision: String) -> String? {
        let repository = folder + "/" + name
        var commit = revision
        if !BlobID.isHash(revision) {
            guard let text = SmallFile.text(at: "\(repository)/refs/\(revision)", limit: 200) else { return nil }
            commit = text.filter { !$0.isWhitespace }
            guard BlobID.isHash(commit) else { return nil }
        }
        let snapshot = "\(repository)/snapshots/\(commit)"
        return exists(snapshot) ? snapshot : nil
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
}
