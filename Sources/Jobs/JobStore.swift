internal import GRDB
internal import Synchronization

/// The durable queue: jobs and their requests in one SQLite database that belongs to one process.
///
/// What a method acknowledged is on disk (`synchronous=FULL`). A request is handed to at most one worker at a time and
/// at most one result of it is ever accepted; it may run again after a crash (at-least-once). See DESIGN.md.
public final class JobStore: Sendable {
    public let path: String
    public let configuration: JobStoreConfiguration
    /// The bytes that requests refer to, in files beside the database.
    public let blobs: BlobStore
    let clock: SteadyClock
    let queue: CommitQueue
    private let pool: DatabasePool
    /// Since when a request that must run alone is overtaken by interactive ones; nil while none is.
    let suspectOvertakenSince = Mutex<Timestamp?>(nil)
    private let listeners = Listeners()
    private let jobIDs = JobIDGenerator()

    /// Opens the database (creates and migrates it where needed), becomes its owner and recovers what the last owner
    /// left running.
    /// - Throws: `JobStoreError`; `.locked` if another process (or store) owns it.
    public convenience init(
        path: String, configuration: JobStoreConfiguration = .init(), clock: any WallClock = SystemWallClock()
    ) throws {
        try self.init(path: path, configuration: configuration, clock: clock, migrations: Migration.all)
    }

    init(
        path: String, configuration: JobStoreConfiguration, clock: any WallClock, migrations: [Migration]
    ) throws {
        precondition(path != ":memory:" && !path.isEmpty, "a job store is a file: it must survive the process")
        let path = try DatabasePath(path)
        if !configuration.allowsNetworkFileSystem, let type = FileSystemType.network(of: path.directory) {
            throw JobStoreError.networkFileSystem(path: path.full, type: type)
        }
        self.path = path.full
        self.configuration = configuration
        self.clock = SteadyClock(clock)
        let lock = try DatabaseLock(database: path.full, announcing: configuration.willAnnounce ? .starting : .command)
        let schema = Schema(path: path.full, migrations: migrations)
        let ballast = Ballast(database: path.full, bytes: configuration.ballastBytes)
        let now = self.clock.now()
        pool = try ballast.spending { try DatabaseFile.open(path: path.full, schema: schema, now: now) }
        queue = CommitQueue(pool: pool, lock: lock, ballast: ballast, clock: self.clock) { [listeners] in
            listeners.publish($0, $1)
        }
        blobs = try BlobStore(
            directory: path.full + ".blobs", sizeLimit: configuration.blobSizeLimit, queue: queue)
        try ballast.spending { try recover() }
    }

    /// Tells other processes where the owner of this database answers.
    public func announce(url: String?) throws {
        try queue.lock.announce(url.map { .at(url: $0) } ?? .command)
    }

    /// Who has a database open, nil when nobody has. Works without opening it.
    public static func owner(of path: String) -> DatabaseOwner? {
        (try? DatabasePath(path)).flatMap { DatabaseLock.owner(of: $0.full) }
    }

    /// The time by the store's clock, which never runs backwards; what `nextDue` is to be compared with.
    public var now: Timestamp { clock.now() }

    /// Pokes after new work was stored, resumed, retried or given back. A fresh stream for each caller.
    public var workAvailable: AsyncStream<Void> { listeners.work.stream() }

    /// Running requests that somebody cancelled. A fresh stream for each caller.
    public var cancellations: AsyncStream<RequestID> { listeners.cancellations.stream() }

    /// A job's current value at once, then its newest value after each change that the listener kept up with; ends when
    /// the job is finished, or at once if there is no such job.
    public func changes(of job: JobID) -> AsyncStream<Job> {
        let stream = listeners.changes(of: job)
        queue.post { $0.effects.changedJobs.insert(job) }
        return stream
    }

    /// Finishes what was begun, empties the write-ahead log into the database and gives the lock back.
    ///
    /// - Throws: `JobStoreError` if the log cannot be emptied now (a full disk). The store is closed all the same: what was
    ///   acknowledged is in the log, and the next owner reads it there.
    public func close() async throws {
        defer {
            listeners.finish()
            queue.lock.release()
        }
        do { try await queue.close() } catch {
            try? pool.close()
            throw JobStoreError.translating(error, path: path)
        }
        do { try pool.close() } catch { throw JobStoreError.translating(error, path: path) }
    }

    func newJobID() -> JobID { jobIDs.next(at: clock.now()) }

    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        do {
            return try await pool.read(body)
        } catch {
            throw JobStoreError.translating(error, path: path)
        }
    }

    private func recover() throws {
        do {
            try pool.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    var transaction = Transaction(db: db, now: clock.now())
                    try transaction.recover(
                        maxCrashes: configuration.maxCrashes, longestDelay: configuration.retryPolicy.cap)
                    return .commit
                }
            }
        } catch {
            throw JobStoreError.translating(error, path: path)
        }
    }
}
