internal import Dispatch
internal import GRDB
internal import Synchronization

/// The only writer: runs operations in the order they came and commits together all that wait at the same moment.
///
/// A durable commit costs one sync of the disk (0.2 to 4 ms), whatever it carries. While one runs, new operations
/// gather in the mailbox and become the next transaction, so the cost is shared exactly when there is a crowd, without
/// an artificial delay. Each operation has its own savepoint: one that fails does not fail its neighbours. Nobody is
/// answered before COMMIT has returned.
///
/// An operation is executed and answered even if the task that asked for it is cancelled meanwhile: bookkeeping after a
/// shutdown signal must not roll back (which is what GRDB's own async writes do).
final class CommitQueue: Sendable {
    /// Operations in one transaction: bounds how long the first of them waits for the last.
    private static let longestBatch = 512

    private struct Mailbox {
        var operations: [any PendingOperation] = []
        var isDraining = false
        var refusal: JobStoreError?
    }

    private let pool: DatabasePool
    /// Held as long as anything can write, even if only a blob store is left of the job store.
    let lock: DatabaseLock
    private let ballast: Ballast
    private let clock: SteadyClock
    private let publish: @Sendable (Effects, Database) -> Void
    private let mailbox = Mutex(Mailbox())
    let commits = Atomic<Int>(0)
    let executed = Atomic<Int>(0)
    /// Time in transactions, syncs of the disk included.
    private let commitTimer = Mutex(Duration.zero)

    /// - Parameter publish: told after each commit, on the writer, what changed in it.
    init(
        pool: DatabasePool, lock: DatabaseLock, ballast: Ballast, clock: SteadyClock,
        publish: @escaping @Sendable (Effects, Database) -> Void
    ) {
        self.pool = pool
        self.lock = lock
        self.ballast = ballast
        self.clock = clock
        self.publish = publish
    }

    /// Operations that have not begun.
    var backlog: Int { mailbox.withLock { $0.operations.count } }

    var commitTime: Duration { commitTimer.withLock { $0 } }

    /// Executes an operation durably and returns its result after the commit.
    ///
    /// - Parameter addsWork: it stores something new, which is refused while the room that is left is kept for what is there.
    @discardableResult
    func perform<T: Sendable>(
        addsWork: Bool = false, _ body: @escaping @Sendable (inout Transaction) throws -> T
    ) async throws -> T {
        if addsWork, !ballast.admitsWork() { throw JobStoreError.diskFull(path: pool.path) }
        return try await withCheckedThrowingContinuation { continuation in
            enqueue(Operation(addsWork: addsWork, body: body, continuation: continuation))
        }
    }

    /// Executes an operation whose outcome nobody waits for.
    func post(_ body: @escaping @Sendable (inout Transaction) throws -> Void) {
        enqueue(Operation(addsWork: false, body: body, continuation: nil))
    }

    /// Lets what is queued finish, then refuses everything.
    func close() async throws {
        let isFirst = mailbox.withLock { mailbox in
            defer { mailbox.refusal = mailbox.refusal ?? .closed(path: pool.path) }
            return mailbox.refusal == nil
        }
        guard isFirst else { return }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            pool.asyncWriteWithoutTransaction { db in
                // The mailbox was closed before: a drain that is under way lies ahead of us on the writer's queue, and
                // one that rescheduled itself comes behind us, so drain here what is left.
                self.drain(db)
                continuation.resume(with: Result { _ = try db.checkpoint(.truncate) })
            }
        }
    }

    private func enqueue(_ operation: any PendingOperation) {
        let (refusal, mustStart) = mailbox.withLock { mailbox -> (JobStoreError?, Bool) in
            if let refusal = mailbox.refusal { return (refusal, false) }
            mailbox.operations.append(operation)
            defer { mailbox.isDraining = true }
            return (nil, !mailbox.isDraining)
        }
        if let refusal { return operation.fail(refusal) }
        if mustStart { pool.asyncWriteWithoutTransaction { self.drain($0) } }
    }

    private func drain(_ db: Database) {
        while let batch = nextBatch() {
            commit(batch, db)
        }
    }

    private func nextBatch() -> [any PendingOperation]? {
        mailbox.withLock { mailbox in
            guard !mailbox.operations.isEmpty else {
                mailbox.isDraining = false
                return nil
            }
            let batch = Array(mailbox.operations.prefix(Self.longestBatch))
            mailbox.operations.removeFirst(batch.count)
            return batch
        }
    }

    private func commit(_ batch: [any PendingOperation], _ db: Database) {
        do {
            let effects = try transact(batch, db)
            commits.add(1, ordering: .relaxed)
            executed.add(batch.count, ordering: .relaxed)
            publish(effects, db)
            for operation in batch { operation.answer(path: pool.path) }
        } catch  where batch.count > 1 && !Self.isFatal(error) {
            // The whole transaction is gone (SQLite rolls back by itself when the disk is full): each alone, so that a
            // large write that finds no room does not take a small one with it.
            for operation in batch { commit([operation], db) }
        } catch  where JobStoreError.isDiskFull(error) && !batch.contains(where: \.addsWork) && ballast.release() {
            commit(batch, db)
        } catch {
            let translated = JobStoreError.translating(error, path: pool.path)
            if Self.isFatal(error), let refusal = translated as? JobStoreError {
                mailbox.withLock { $0.refusal = $0.refusal ?? refusal }
            }
            for operation in batch { operation.fail(translated) }
        }
    }

    /// One transaction around the batch; throws if the transaction as a whole failed.
    private func transact(_ batch: [any PendingOperation], _ db: Database) throws -> Effects {
        let start = ContinuousClock.now
        defer { commitTimer.withLock { $0 += ContinuousClock.now - start } }
        var transaction = Transaction(db: db, now: clock.now())
        try db.beginTransaction(.immediate)
        do {
            for operation in batch {
                let before = transaction.effects
                try db.execute(sql: "SAVEPOINT operation")
                operation.execute(&transaction)
                if let error = operation.failure {
                    transaction.effects = before
                    guard db.isInsideTransaction, !Self.endsTransaction(error) else { throw error }
                    try db.execute(sql: "ROLLBACK TO operation")
                }
                try db.execute(sql: "RELEASE operation")
            }
            try db.commit()
        } catch {
            if db.isInsideTransaction { try db.rollback() }
            throw error
        }
        return transaction.effects
    }

    private static func endsTransaction(_ error: any Error) -> Bool {
        guard let code = (error as? DatabaseError)?.resultCode else { return false }
        return [.SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_CORRUPT, .SQLITE_INTERRUPT].contains(code)
    }

    /// After a failed sync the kernel may have dropped the dirty pages and will report success next time (Rebello et
    /// al., "Can Applications Recover from fsync Failures?", ATC 2020): nothing may be written until it is reopened.
    private static func isFatal(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_CORRUPT || error.extendedResultCode == .SQLITE_IOERR_FSYNC
            || error.extendedResultCode == .SQLITE_IOERR_DIR_FSYNC
    }
}

private protocol PendingOperation: AnyObject, Sendable {
    var addsWork: Bool { get }
    var failure: (any Error)? { get }
    func execute(_ transaction: inout Transaction)
    func answer(path: String)
    func fail(_ error: any Error)
}

/// An operation in the mailbox with the task that waits for it.
private final class Operation<T: Sendable>: PendingOperation {
    let addsWork: Bool
    private let body: @Sendable (inout Transaction) throws -> T
    private let continuation: CheckedContinuation<T, any Error>?
    private let result = Mutex<Result<T, any Error>?>(nil)

    init(
        addsWork: Bool, body: @escaping @Sendable (inout Transaction) throws -> T,
        continuation: CheckedContinuation<T, any Error>?
    ) {
        self.addsWork = addsWork
        self.body = body
        self.continuation = continuation
    }

    var failure: (any Error)? {
        result.withLock { result in
            guard case .failure(let error)? = result else { return nil }
            return error
        }
    }

    func execute(_ transaction: inout Transaction) {
        let outcome = Result { try body(&transaction) }
        result.withLock { $0 = outcome }
    }

    func answer(path: String) {
        guard let outcome = result.withLock({ $0 }) else {
            preconditionFailure("an operation is answered after it was executed")
        }
        continuation?.resume(with: outcome.mapError { JobStoreError.translating($0, path: path) })
    }

    func fail(_ error: any Error) {
        continuation?.resume(throwing: error)
    }
}
