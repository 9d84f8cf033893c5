import FoundationEssentials
import Inference

/// A recipe as its JSON spells it. Unknown keys are errors: a misspelt `max_token` must not be ignored in silence.
struct RecipeDocument: Decodable {
    var name: String
    var description: String?
    var prompt: String
    var system: String?
    var sampling: Sampling?
    var maxTokens: Int?
    var maxTiles: Int?
    var postprocess: [TextStep]?
    var output: Output?

    struct Sampling: Decodable {
        var temperature: Float?
        var topP: Float?
        var topK: Int?
        var minP: Float?
        var repetitionPenalty: Float?
        var seed: UInt64?
        var stop: [String]?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case temperature, seed, stop
            case topP = "top_p"
            case topK = "top_k"
            case minP = "min_p"
            case repetitionPenalty = "repetition_penalty"
        }
    }

    struct Output: Decodable {
        var sidecar: SidecarFormat?
        var existing: ExistingPolicy?

        enum CodingKeys: String, CodingKey, CaseIterable { case sidecar, existing }
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, description, prompt, system, sampling, postprocess, output
        case maxTokens = "max_tokens"
        case maxTiles = "max_tiles"
    }

    static func read(_ json: [UInt8], origin: String) throws(CaptionError) -> RecipeDocument {
        do {
            try JSONDecoder().decode(KnownKeys.self, from: Data(json)).check()
            return try JSONDecoder().decode(RecipeDocument.self, from: Data(json))
        } catch let problem as UnknownKey {
            throw .invalidRecipe(
                origin: origin,
                reason: "it has the unknown key \"\(problem.key)\"; known are \(problem.known.joined(separator: ", "))")
        } catch {
            throw .invalidRecipe(origin: origin, reason: reason(of: error))
        }
    }

    var samplingParameters: SamplingParameters {
        var parameters = SamplingParameters.greedy(maxTokens: maxTokens ?? Recipe.defaultMaxTokens)
        parameters.temperature = sampling?.temperature ?? 0
        parameters.topP = sampling?.topP ?? 1
        parameters.topK = sampling?.topK ?? 0
        parameters.minP = sampling?.minP ?? 0
        parameters.repetitionPenalty = sampling?.repetitionPenalty ?? 1
        parameters.seed = sampling?.seed
        parameters.stop = sampling?.stop ?? []
        return parameters
    }

    private static func reason(of error: any Error) -> String {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error as? DecodingError {
        case .keyNotFound(let key, _)?: "the key \"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context)? where !context.codingPath.isEmpty,
            .valueNotFound(_, let context)? where !context.codingPath.isEmpty:
            "\"\(place(context))\" has another type than expected"
        case .dataCorrupted(let context)? where !context.codingPath.isEmpty:
            "\"\(place(context))\" has a value that is not known"
        default: "it is not a JSON object"
        }
    }
}

private struct UnknownKey: Error {
    let key: String
    let known: [String]
}

/// The keys of a recipe and of its two inner objects.
private struct KnownKeys: Decodable {
    private var unknown: UnknownKey?

    func check() throws {
        if let unknown { throw unknown }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        unknown = Self.unknown(in: container, RecipeDocument.CodingKeys.self)
        if let inner = try? container.nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey("sampling")) {
            unknown = unknown ?? Self.unknown(in: inner, RecipeDocument.Sampling.CodingKeys.self)
        }
        if let inner = try? container.nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey("output")) {
            unknown = unknown ?? Self.unknown(in: inner, RecipeDocument.Output.CodingKeys.self)
        }
    }

    private static func unknown<Keys: CodingKey & CaseIterable>(
        in container: KeyedDecodingContainer<AnyKey>, _: Keys.Type
    ) -> UnknownKey? {
        let known = Keys.allCases.map(\.stringValue).sorted()
        return container.allKeys.map(\.stringValue).sorted().first { !known.contains($0) }
            .map { UnknownKey(key: $0, known: known) }
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
