import FoundationEssentials
import ModelHub

/// What `--model` means: a folder or a file of this machine, or a name that the Hugging Face cache knows.
struct ModelPlace {
    /// A folder or a GGUF file.
    let path: String
    /// The name by which the model was asked for, where that is a checkpoint's name on the hub: clients that say the same
    /// (vLLM's `--model OWNER/NAME`, NIM's lower-case spelling) are answered.
    let servedName: String?

    /// What exists here wins over the cache. A path that nobody can take for a name is left to whoever opens it.
    init(_ text: String, environment: [String: String] = ProcessInfo.processInfo.environment) throws(CommandError) {
        if FileManager.default.fileExists(atPath: text) {
            (path, servedName) = (text, nil)
            return
        }
        guard let reference = try? ModelReference(text) else {
            (path, servedName) = (text, nil)
            return
        }
        let cache = HubCache(environment: environment)
        guard let checkpoint = cache.checkpoint(of: reference) else {
            throw .noSuchModel(text, cache: cache.folder)
        }
        path = checkpoint
        servedName = reference.file == nil ? reference.repository : nil
    }
}
