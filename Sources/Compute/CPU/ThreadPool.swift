import CKernels
import Synchronization

/// The threads of a CPU backend: the caller and `threads − 1` workers (see `thread_pool.c` for how they wait).
final class ThreadPool: Sendable {
    let threads: Int
    /// Safe to share: jobs are posted only while `turn` is held.
    nonisolated(unsafe) private let pool: OpaquePointer
    /// Held for the length of a job, so that two callers take turns instead of corrupting each other.
    private let turn = Mutex(())

    /// With fewer threads than asked for when the system refuses more.
    init(threads wanted: Int) {
        precondition(wanted >= 1, "a pool of \(wanted) threads")
        if let pool = docent_pool_create(Int32(clamping: wanted)) {
            threads = wanted
            self.pool = pool
        } else if let alone = docent_pool_create(1) {
            threads = 1
            pool = alone
        } else {
            preconditionFailure("no memory for a thread pool")
        }
    }

    deinit { docent_pool_destroy(pool) }

    /// Calls `body` once for each part 0 ..< parts, on all threads, and returns when all have ended.
    ///
    /// `thread` is below `threads` and is never used by two parts at once: an index for scratch memory.
    func run(parts: Int, _ body: (_ part: Int, _ thread: Int) -> Void) {
        guard parts > 1, threads > 1 else {
            for part in 0..<parts { body(part, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { context in
                turn.withLock { _ in
                    docent_pool_run(
                        pool, Int64(parts),
                        { context, part, thread in
                            guard let context else { return }
                            let body = context.assumingMemoryBound(to: ((Int, Int) -> Void).self)
                            body.pointee(Int(part), Int(thread))
                        }, UnsafeMutableRawPointer(mutating: context))
                }
            }
        }
    }

    /// Cuts 0 ..< count into ranges that start at multiples of `step` and calls `body` for each: enough of them for
    /// all threads to end together, one when `cost` (elements touched) is too small to share.
    func run(over count: Int, step: Int, cost: Int, _ body: (_ range: Range<Int>, _ thread: Int) -> Void) {
        let steps = (count + step - 1) / step
        let parts = cost < Self.smallestSharedCost ? 1 : min(steps, threads * Self.partsPerThread)
        run(parts: parts) { part, thread in
            let start = part * steps / parts * step
            let end = min(count, (part + 1) * steps / parts * step)
            if start < end { body(start..<end, thread) }
        }
    }

    /// About four microseconds of streaming, twice what handing out a job costs.
    private static let smallestSharedCost = 32 * 1024
    /// Slack for a thread that the system puts aside for a while.
    static let partsPerThread = 8
}
