public import Inference
public import Jobs
public import Models

/// What a stored request asks for: the payload of every row in the queue, whoever put it there.
public struct ChatWork: Codable, Sendable, Hashable {
    public var messages: [ChatMessage]
    /// Images in the order in which `messages` mention them.
    public var images: [ImageReference]
    public var sampling: SamplingParameters
    /// How many answers to give (OpenAI's `n`); choice i of a seeded request uses seed + i.
    public var choices: Int
    /// Most tiles an image may be cut into; nil leaves it to the model.
    public var maxTiles: Int?

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
