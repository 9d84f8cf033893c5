/// Which of a repository's files a checkpoint needs: settings, tokenizer, template, and weights in one format.
///
/// Left out: weights for other frameworks (.bin, .pt, .h5, .onnx, other precisions in folders), programs, images, documents.
struct FileSelection {
    let repository: String
    let paths: Set<String>

    init(of listing: HubListing, in repository: String) {
        self.repository = repository
        paths = Set(listing.entries.map(\.path))
    }

    static let index = "model.safetensors.index.json"
    private static let weights = "model.safetensors"

    /// Everything at the top of a repository that says how to use its weights.
    private static let settings: Set<String> = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "preprocessor_config.json", "video_preprocessor_config.json",
        "processor_config.json", "chat_template.json", "chat_template.jinja", "quantize_config.json",
        "quant_config.json", "hf_quant_config.json", index,
    ]

    private static let foreignWeights = [
        ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".safetensors", ".nemo",
    ]

    enum Choice: Equatable {
        /// Settings first, because the index among them names the weights.
        case checkpoint(settings: [String], hasIndex: Bool)
        case file(String)
    }

    /// - Parameter file: what somebody asked for by name.
    func choice(file: String?) throws(HubError) -> Choice {
        let models = paths.filter { $0.hasSuffix(".gguf") }.sorted()
        if let file {
            guard paths.contains(file) else { throw .noSuchFile(file, repository: repository, others: models) }
            return .file(file)
        }
        let hasIndex = paths.contains(Self.index)
        if paths.contains("config.json"), hasIndex || paths.contains(Self.weights) {
            return .checkpoint(settings: paths.intersection(Self.settings).sorted(), hasIndex: hasIndex)
        }
        switch models.count {
        case 0:
            let found = paths.filter { path in Self.foreignWeights.contains { path.hasSuffix($0) } }
            throw .noWeights(repository: repository, found: found.sorted())
        case 1: return .file(models[0])
        default: throw .severalGGUF(repository: repository, files: models)
        }
    }

    /// The files of tensors. `indexed`: those that the index names, nil when there is no index.
    func weights(indexed: [String]?) throws(HubError) -> [String] {
        guard let indexed else { return [Self.weights] }
        if let missing = indexed.first(where: { !paths.contains($0) }) {
            throw .noSuchFile(missing, repository: repository, others: [])
        }
        return indexed
    }
}
