public import Inference
import Models
public import Workers

/// What is asked of every image and what becomes of the answers: a file in `jobs/`, or one of the user's.
public struct Recipe: Sendable, Hashable {
    public var name: String
    /// For people, one sentence.
    public var description: String
    public var prompt: PromptTemplate
    public var system: String?
    /// Greedy unless the recipe says otherwise: captions should be the same when they are made again.
    public var sampling: SamplingParameters
    /// Most tiles an image is cut into; nil leaves it to the model.
    public var maxTiles: Int?
    public var postprocessing: [TextStep]
    /// What to write where the command line says nothing.
    public var output: OutputDefaults

    public struct OutputDefaults: Sendable, Hashable {
        public var sidecar: SidecarFormat?
        public var existing: ExistingPolicy?

        public init(sidecar: SidecarFormat? = nil, existing: ExistingPolicy? = nil) {
            self.sidecar = sidecar
            self.existing = existing
        }
    }

    public static let defaultMaxTokens = 256

    /// The recipe behind `--prompt TEXT`.
    public init(prompt: String) throws(CaptionError) {
        name = "prompt"
        description = "A prompt from the command line."
        self.prompt = try PromptTemplate(prompt)
        sampling = .greedy(maxTokens: Self.defaultMaxTokens)
        postprocessing = [.trim]
        output = OutputDefaults()
    }

    /// Reads a recipe's JSON; `origin` is the name or path for messages.
    public init(json: [UInt8], origin: String) throws(CaptionError) {
        let document = try RecipeDocument.read(json, origin: origin)
        name = document.name
        description = document.description ?? ""
        do { prompt = try PromptTemplate(document.prompt) } catch {
            throw .invalidRecipe(origin: origin, reason: error.description)
        }
        system = document.system
        sampling = document.samplingParameters
        maxTiles = document.maxTiles
        postprocessing = document.postprocess ?? [.trim]
        output = OutputDefaults(sidecar: document.output?.sidecar, existing: document.output?.existing)
        if let problem = outOfRange { throw .invalidRecipe(origin: origin, reason: problem) }
    }

    /// The question about one image, as it is stored in the queue. `path` is what the prompt calls the image.
    public func work(about image: ImageReference, named path: String) -> ChatWork {
        var messages: [ChatMessage] = []
        if let system { messages.append(ChatMessage(role: "system", content: [.text(system)])) }
        messages.append(ChatMessage(role: "user", content: [.image, .text(prompt.text(for: path))]))
        return ChatWork(messages: messages, images: [image], sampling: sampling, maxTiles: maxTiles)
    }

    /// The first setting outside its range, in words; nil when all are fine. For command lines, which change settings.
    public var outOfRange: String? {
        let checks: [(Bool, String)] = [
            (prompt.source.contains { !$0.isWhitespace }, "the prompt is empty"),
            ((0...2).contains(sampling.temperature), "temperature is \(sampling.temperature), expected 0 to 2"),
            (sampling.topP > 0 && sampling.topP <= 1, "top_p is \(sampling.topP), expected more than 0 and at most 1"),
            (sampling.topK >= 0, "top_k is \(sampling.topK), expected 0 (all) or more"),
            ((0...1).contains(sampling.minP), "min_p is \(sampling.minP), expected 0 to 1"),
            (
                (0.001...2).contains(sampling.repetitionPenalty),
                "repetition_penalty is \(sampling.repetitionPenalty), expected 0.001 to 2"
            ),
            (sampling.stop.allSatisfy { !$0.isEmpty }, "a stop text is empty"),
            (
                (1...65536).contains(sampling.maxTokens ?? 1),
                "max_tokens is \(sampling.maxTokens ?? 0), expected 1 to 65536"
            ),
            ((1...64).contains(maxTiles ?? 1), "max_tiles is \(maxTiles ?? 0), expected 1 to 64"),
        ]
        return checks.first { !$0.0 }?.1
    }
}

/// What is written beside each image.
public enum SidecarFormat: String, Sendable, Hashable, Codable, CaseIterable { case txt, json, none }

/// What happens to captions that are there before the run.
public enum ExistingPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// An image that has its caption is left alone, unless the image has changed since.
    case skip
    /// Every caption is written again, whatever is there.
    case overwrite
    /// What is there stays: rows are only added, and a text sidecar gets the caption as one more line.
    case append
}
