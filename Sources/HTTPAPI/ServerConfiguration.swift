public import Models

/// How the server listens and what it accepts.
public struct ServerConfiguration: Sendable {
    public var host = "127.0.0.1"
    /// 0 for any free port.
    public var port = 8000
    /// Longest request body. A 45 MB picture as base64 still fits.
    public var maxBodyBytes = 64 << 20
    /// Longest file that may be uploaded; it goes to the disk, not into memory.
    public var maxFileBytes = 512 << 20
    /// Most requests of a batch.
    public var maxBatchLines = 50_000
    /// How long a batch may take, which clients can only ask for as "24h".
    public var batchWindow: Duration = .seconds(24 * 3600)
    /// Most images of one request.
    public var maxImages = 16
    /// Longest prompt and answer together, as the engine was told; nil for the model's context.
    public var maxModelLength: Int?
    /// What an inline image's header may ask for; the same limits as the dispatcher's.
    public var imageLimits = ImageLimits()
    /// Most answers to one request (`n`).
    public var maxChoices = 128
    /// Keys of which a client must present one; empty, with `clientKeys`, lets everybody in.
    public var apiKeys: [String] = []
    /// The same with names and limits.
    public var clientKeys: [ClientKey] = []
    /// What a client may ask for whose key has no limits of its own; all together where there are no keys.
    public var clientLimits = ClientLimits.none
    /// Origins whose pages may read answers in a browser, "*" for all; empty for none.
    public var allowedOrigins: [String] = []
    /// What came with the model, if anything did.
    public var license: License?
    public var fetchPolicy = FetchPolicy()
    /// Directories of this machine that clients may have captioned, and whose images they may see.
    public var allowedRoots = AllowedRoots()
    /// What the model runs on, for people: "cpu (AVX2, 8 threads)".
    public var device: String?
    /// A connection on which nothing comes for this long, between requests or inside one, is closed.
    public var idleTimeout: Duration = .seconds(75)
    /// A request's body may take this long and a second more for every `bodyBytesPerSecond` of it; then it is answered 408.
    public var bodyPatience: Duration = .seconds(60)
    public var bodyBytesPerSecond = 100_000
    /// Most bytes of bodies that are being read, all connections together; more are answered 503.
    public var maxBufferedBodyBytes = 512 << 20
    /// A client that takes nothing of its answer for this long is disconnected.
    public var writePatience: Duration = .seconds(60)
    /// Connections beyond these wait in the listen backlog. Each is a descriptor and about 20 kB.
    public var maxConnections = 16_384
    /// Requests that may wait for their answers at a time; more are answered 503.
    public var maxWaitingRequests = 512
    /// Who would have to wait longer than this for an answer, as far as can be told, is answered 503.
    public var maxWaitingTime: Duration = .seconds(600)
    /// Silence on an event stream after which a comment is sent, so that nobody between closes it.
    public var keepAliveInterval: Duration = .seconds(15)
    /// How long running requests may go on after a graceful shutdown began.
    public var drainPatience: Duration = .seconds(30)
    /// How long after that clients may still take the ends of their answers, before every connection is closed.
    public var closingPatience: Duration = .seconds(2)

    public init() {}
}
