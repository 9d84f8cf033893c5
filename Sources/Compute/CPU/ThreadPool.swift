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
            let job = Job(body: body)
            withUnsafePointer(to: job) { context in
                turn.withLock { _ in
                    docent_pool_run(
                        pool, Int64(parts),
                        { context, part, thread in
                            guard let context else { return }
                            context.assumingMemoryBound(to: Job.self).pointee.body(Int(part), Int(thread))
                        }, UnsafeMutableRawPointer(mutating: context))
                }
            }
        }
    }

    /// Not copyable, so that a part borrows the closure: all threads counting references to it would be waiting for one
    /// line of memory.
    private struct Job: ~Copyable {
        let body: (_ part: Int, _ thread: Int) -> Void
    }

    /// Cuts 0 ..< count into ranges that start at multiples of `step` and calls `body` for each; in one piece when `cost`
    /// (elements touched) is too small to share.
    ///
    /// Whoever takes a range gets half of its fair share of what is left (guided self-scheduling, Polychronopoulos & Kuck
    /// 1987): first long runs of memory, at the end single steps, so that all threads end together.
    func run(over count: Int, step: Int, cost: Int, _ body: (_ range: Range<Int>, _ thread: Int) -> Void) {
        guard count > 0 else { return }
        guard threads > 1, cost >= Self.smallestSharedCost else { return body(0..<count, 0) }
        let steps = (count + step - 1) / step
        let shares = 2 * threads
        // As many ranges as there are shares leave less than half of the steps.
        let mostRanges = shares * (Int.bitWidth - steps.leadingZeroBitCount)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: mostRanges + 1) { starts in
            var (ranges, next) = (0, 0)
            while next < steps {
                starts[ranges] = next * step
                ranges += 1
                next += (steps - next + shares - 1) / shares
            }
            starts[ranges] = count
            run(parts: ranges) { part, thread in body(starts[part]..<starts[part + 1], thread) }
        }
    }

    /// About four microseconds of streaming, twice what handing out a job costs.
    private static let smallestSharedCost = 32 * 1024
}
