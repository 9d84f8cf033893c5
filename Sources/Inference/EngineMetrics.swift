/// What an engine is doing and has done since it was made.
public struct EngineMetrics: Sendable, Hashable {
    // MARK: Now

    public var runningSequences = 0
    public var waitingSequences = 0
    /// Pages of the KV cache that sequences hold.
    public var usedPages = 0
    /// Pages that nobody holds but whose content may be reused.
    public var cachedPages = 0
    public var totalPages = 0
    public var imageCacheBytes = 0

    // MARK: Since the start

    /// Requests by how they ended.
    public var finishedRequests = 0
    public var failedRequests = 0
    public var cancelledRequests = 0
    /// Prompt tokens of admitted requests, and those of them that were found in the prefix cache.
    public var prefixCacheQueries = 0
    public var prefixCacheHits = 0
    /// Images of requests, and those of them that did not have to be encoded for the request.
    public var imageCacheQueries = 0
    public var imageCacheHits = 0
    public var encodedImages = 0
    /// Tokens computed as part of a prompt, or again after a preemption.
    public var prefilledTokens = 0
    public var generatedTokens = 0
    public var preemptions = 0
    public var steps = 0

    // MARK: Time

    /// Time on the device by purpose; a mixed step is divided by its tokens.
    public var encodeTime = Duration.zero
    public var prefillTime = Duration.zero
    public var decodeTime = Duration.zero
    /// Time of steps that was not the device's: planning, sampling, delivery.
    public var overheadTime = Duration.zero
    public var lastStepTime = Duration.zero
    public var longestStepTime = Duration.zero

    public init() {}
}
