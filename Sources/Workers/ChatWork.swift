public import Inference
public import Jobs
public import Models

/// What a stored request asks for: the payload of every row in the queue, whoever put it there.
///
/// Rows of earlier versions lack what came later, so all of that is optional.
public struct ChatWork: Codable, Sendable, Hashable {
    public var messages: [ChatMessage]
    /// Images in the order in which `messages` mention them.
    public var images: [ImageReference]
    public var sampling: SamplingParameters
    /// How many answers to give (OpenAI's `n`); choice i of a seeded request uses seed + i.
    public var choices: Int
    /// Most tiles an image may be cut into; nil leaves it to the model.
    public var maxTiles: Int?
    /// Places in `images` of those that are seen as one tile, whatever `maxTiles` says.
    public var coarseImages: [Int]?
    /// How the messages become a prompt; nil for the usual way.
    public var prompt: PromptOptions?
    /// Calls to take out of the answer; nil leaves them in its text.
    public var tools: ToolUse?
    /// Text that stands before what is generated (`echo`).
    public var echo: String?
    /// What the answer tells of tokens; nil for nothing beyond the probabilities asked for.
    public var reporting: TokenReporting?
    /// The client's own name for its request.
    public var requestID: String?

    public init(
        messages: [ChatMessage], images: [ImageReference] = [], sampling: SamplingParameters = .init(),
        choices: Int = 1, maxTiles: Int? = nil
    ) {
        self.messages = messages
        self.images = images
        self.sampling = sampling
        self.choices = choices
        self.maxTiles = maxTiles
    }

    /// The blobs that the row must keep alive.
    public var blobs: [BlobID] {
        images.compactMap { if case .blob(let id) = $0 { id } else { nil } }
    }

    /// Most tiles for the image at `index`.
    func maxTiles(ofImage index: Int) -> Int? { coarseImages?.contains(index) == true ? 1 : maxTiles }
}

/// Which calls of tools an answer may have.
public struct ToolUse: Codable, Sendable, Hashable {
    /// Names of the functions that may be called.
    public var functions: [String]
    /// Whether there may be more than one call; else those after the first are dropped.
    public var allowsSeveral: Bool

    public init(functions: [String], allowsSeveral: Bool = true) {
        self.functions = functions
        self.allowsSeveral = allowsSeveral
    }
}

/// What an answer tells of its tokens.
public struct TokenReporting: Codable, Sendable, Hashable {
    /// The ids of the prompt's tokens and of the answer's.
    public var hasIDs: Bool
    /// Tokens of probabilities as "token_id:" and their number, not as their text.
    public var namesByID: Bool

    public init(hasIDs: Bool = false, namesByID: Bool = false) {
        self.hasIDs = hasIDs
        self.namesByID = namesByID
    }
}

/// Where the bytes of an image are to be had when its request is run.
public enum ImageReference: Codable, Sendable, Hashable {
    /// A path on this machine, found by the directory walker or allowed by the operator; never taken from a client.
    case file(String)
    /// Bytes that came with the request (a data URL), kept beside the database.
    case blob(BlobID)
    /// An http or https address, fetched under the rules of the API's fetcher.
    case url(String)
}
