/// A folder in Hugging Face's layout: settings, and tensors in one safetensors file or several.
struct Checkpoint: Sendable {
    let folder: String
    /// config.json.
    let settings: Settings
    /// generation_config.json, where there is one.
    let generation: Settings?
    /// Weight files in order of their names.
    let files: [Safetensors]
    /// Which of `files` holds a tensor.
    let fileOfTensor: [String: Int]

    init(_ folder: String) throws {
        self.folder = folder
        settings = try Settings(contentsOf: folder + "/config.json")
        generation = try Self.optionalSettings(folder + "/generation_config.json")
        let index = folder + "/model.safetensors.index.json"
        let shards = try FileStatus(index).exists ? ShardIndex(contentsOf: index) : nil
        files = try (shards?.files ?? ["model.safetensors"]).map { try Safetensors(folder + "/" + $0) }
        fileOfTensor = try Self.directory(of: files)
        try shards?.check(against: files)
    }

    /// Elements of all tensors.
    var parameterCount: Int { files.reduce(0) { $0 + $1.entries.values.reduce(0) { $0 + $1.count } } }

    /// The settings of the image processor: inside processor_config.json since transformers 5, before that in
    /// preprocessor_config.json. Nil when neither is there.
    func imageProcessorSettings() throws -> Settings? {
        try processorSettings()?.section("image_processor")
            ?? Self.optionalSettings(folder + "/preprocessor_config.json")
    }

    /// processor_config.json, where there is one.
    func processorSettings() throws -> Settings? { try Self.optionalSettings(folder + "/processor_config.json") }

    func entry(_ name: String) -> (entry: Safetensors.Entry, file: Safetensors)? {
        guard let index = fileOfTensor[name], let entry = files[index].entries[name] else { return nil }
        return (entry, files[index])
    }

    static func optionalSettings(_ path: String) throws -> Settings? {
        try FileStatus(path).exists ? Settings(contentsOf: path) : nil
    }

    private static func directory(of files: [Safetensors]) throws -> [String: Int] {
        var directory: [String: Int] = [:]
        for (index, file) in files.enumerated() {
            for name in file.entries.keys where directory.updateValue(index, forKey: name) != nil {
                throw ModelError.malformedTensor(
                    file: file.file.path, tensor: name, reason: "another file of the checkpoint holds it too")
            }
        }
        return directory
    }
}
