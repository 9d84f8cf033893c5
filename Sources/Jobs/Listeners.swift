internal import GRDB
internal import Synchronization

/// Everybody who wants to hear of changes, told by the writer after each commit.
final class Listeners: Sendable {
    let work = Broadcast<Void>(buffering: .bufferingNewest(1))
    let cancellations = Broadcast<RequestID>(buffering: .unbounded)
    private let jobs = Mutex<[JobID: Broadcast<Job>]>([:])

    /// A stream of a job's values; only the newest unread one is kept.
    func changes(of id: JobID) -> AsyncStream<Job> {
        jobs.withLock { jobs in
            let broadcast = jobs[id] ?? Broadcast(buffering: .bufferingNewest(1))
            jobs[id] = broadcast
            return broadcast.stream()
        }
    }

    func publish(_ effects: Effects, _ db: Database) {
        if effects.workIsAvailable { work.send(()) }
        for request in effects.cancelledRequests { cancellations.send(request) }
        let watched = jobs.withLock { jobs in
            jobs = jobs.filter { !$0.value.isIdle }
            return jobs.filter { effects.changedJobs.contains($0.key) }
        }
        for (id, broadcast) in watched {
            // A job that cannot be read is gone (pruned) as far as its watchers are concerned.
            let job = try? Job.fetch(db, id)
            if let job { broadcast.send(job) }
            if job?.isFinished ?? true {
                _ = jobs.withLock { $0.removeValue(forKey: id) }
                broadcast.finish()
            }
        }
    }

    func finish() {
        work.finish()
        cancellations.finish()
        for broadcast in jobs.withLock({ Array($0.values) }) { broadcast.finish() }
    }
}
