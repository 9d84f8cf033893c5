import Compute
import Models

/// A model that exists only in name: its prompts have a token for each word, and its answers come from elsewhere.
struct WordModel: VisionLanguageModel {
    let shape = ModelShape(vocabulary: 16, layers: 1, kvHeads: 1, headSize: 2, contextLength: 64)

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor { throw CancellationError() }

    static func loaded(tokenizerOf folder: String) throws -> LoadedModel {
        LoadedModel(
            card: ModelCard(name: "words", family: "test", weightsHash: "0", parameterCount: 0, created: 0),
            model: WordModel(), processor: WordProcessor(), tokenizer: try Tokenizer.load(from: folder),
            generation: GenerationDefaults(stopTokens: []))
    }
}

private struct WordProcessor: PromptProcessor {
    let template = TemplateFacts()

    /// No image of a `DyingWorker` is ever decoded.
    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage { throw CancellationError() }

    func mostPixelBytes(maxTiles: Int?) -> Int { 12 }

    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        let words = messages.flatMap(\.content).reduce(0) { count, part in
            if case .text(let text) = part { count + text.split(separator: " ").count } else { count }
        }
        return Prompt(tokens: [Int32](repeating: 7, count: words))
    }
}
