/// What differs between a laptop, a server and a test.
public struct JobStoreConfiguration: Sendable {
    /// How long a claim lives without being renewed. The second net: dead processes are noticed by the lock.
    public var leaseDuration: Duration
    /// A request whose worker died this often is set aside as failed.
    public var maxCrashes: Int
    public var retryPolicy: RetryPolicy
    /// Draws the jitter of retries from 0..<1.
    public var jitter: @Sendable () -> Double
    /// SQLite's WAL needs shared memory and working locks, which network file systems do not promise.
    public var allowsNetworkFileSystem: Bool
    /// The owner is a server that will announce its URL: whoever wants the database meanwhile should wait for that.
    public var willAnnounce: Bool
    /// No blob may be larger, in bytes.
    public var blobSizeLimit: Int
    /// Unreferenced blobs are kept this long: time enough to submit the request that refers to them.
    public var blobGracePeriod: Duration
    /// Room kept beside the database for the results of accepted work when the disk is full, in bytes; 0 for none.
    public var ballastBytes: Int

    public init(
        leaseDuration: Duration = .seconds(60), maxCrashes: Int = 2, retryPolicy: RetryPolicy = RetryPolicy(),
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        allowsNetworkFileSystem: Bool = false, willAnnounce: Bool = false, blobSizeLimit: Int = 256 << 20,
        blobGracePeriod: Duration = .seconds(3600), ballastBytes: Int = 0
    ) {
        precondition(maxCrashes >= 1, "a request is set aside after at least one crash")
        self.leaseDuration = leaseDuration
        self.maxCrashes = maxCrashes
        self.retryPolicy = retryPolicy
        self.jitter = jitter
        self.allowsNetworkFileSystem = allowsNetworkFileSystem
        self.willAnnounce = willAnnounce
        self.blobSizeLimit = blobSizeLimit
        self.blobGracePeriod = blobGracePeriod
        self.ballastBytes = ballastBytes
    }
}
