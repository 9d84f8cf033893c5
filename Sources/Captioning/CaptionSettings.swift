import FoundationEssentials
import Inference
import Models
public import Workers

/// What one run of `docent caption` asks for, after the command line has had its say over the recipe.
public struct CaptionSettings: Sendable {
    public var recipe: Recipe
    /// The arguments of the command: directories, files and globs.
    public var roots: [String]
    /// A .jsonl or .csv file with a row for every image.
    public var output: String?
    public var sidecar: SidecarFormat
    public var existing: ExistingPolicy

    public init(
        recipe: Recipe, roots: [String], output: String? = nil, sidecar: SidecarFormat? = nil,
        existing: ExistingPolicy? = nil
    ) {
        self.recipe = recipe
        self.roots = roots
        self.output = output
        self.sidecar = sidecar ?? recipe.output.sidecar ?? .none
        self.existing = existing ?? recipe.output.existing ?? .skip
    }

    /// Where failures are reported: FILE.failures.jsonl for FILE.jsonl and FILE.csv.
    public var failuresPath: String? {
        output.map { output in
            let stem =
                [".jsonl", ".csv"].first(where: output.hasSuffix).map { output.dropLast($0.count) } ?? output[...]
            return stem + ".failures.jsonl"
        }
    }

    /// The question about one image, as it is stored in the queue.
    public func work(for image: FoundImage) -> ChatWork {
        recipe.work(about: .file(image.location), named: image.path)
    }

    /// SHA-256 of the prompt as sent; of the system message, a NUL and the prompt when there is a system message.
    func promptHash(for image: FoundImage) -> String {
        let prompt = recipe.prompt.text(for: image.path)
        return ContentHash(of: (recipe.system.map { $0 + "\0" + prompt } ?? prompt).utf8).description
    }

    /// What makes two runs the same work, whatever they write and wherever: the roots, the question, the model.
    func deduplicationKey(model: String) throws -> String {
        let identity = Identity(
            roots: roots.map { DirectoryListing.canonical($0) ?? $0 }, prompt: recipe.prompt.source,
            system: recipe.system, parameters: CaptionParameters(recipe), model: model)
        return "caption:" + ContentHash(of: try Array(JSONEncoder.stable.encode(identity))).description
    }

    private struct Identity: Encodable {
        let roots: [String]
        let prompt: String
        let system: String?
        let parameters: CaptionParameters
        let model: String
    }
}

/// The settings of sampling and tiling that a caption was made with.
struct CaptionParameters: Codable, Hashable, Sendable {
    var temperature: Float
    var topP: Float
    var topK: Int
    var minP: Float
    var repetitionPenalty: Float
    var seed: UInt64?
    var stop: [String]
    var maxTokens: Int?
    var maxTiles: Int?

    init(_ recipe: Recipe) {
        temperature = recipe.sampling.temperature
        topP = recipe.sampling.topP
        topK = recipe.sampling.topK
        minP = recipe.sampling.minP
        repetitionPenalty = recipe.sampling.repetitionPenalty
        seed = recipe.sampling.seed
        stop = recipe.sampling.stop
        maxTokens = recipe.sampling.maxTokens
        maxTiles = recipe.maxTiles
    }

    enum CodingKeys: String, CodingKey {
        case temperature, seed, stop
        case topP = "top_p"
        case topK = "top_k"
        case minP = "min_p"
        case repetitionPenalty = "repetition_penalty"
        case maxTokens = "max_tokens"
        case maxTiles = "max_tiles"
    }
}

extension JSONEncoder {
    /// The same bytes for the same value, for hashing and for files that are compared.
    static var stable: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
