import CountedCalls
import Glibc
import Jobs
import Synchronization

/// Submitters, workers, people who steer jobs, and a pruner on one store, until the process is killed.
///
/// `KilledScenario load DATABASE LIFE LEASE END`: the lease is in milliseconds. END is `after=N` for a kill N microseconds
/// from the start, `call=N` for one instead of the N-th change of a file, `torn=N` for one in the middle of that change, or
/// `never`. What the store acknowledged, and what could have ended a request before it was acknowledged, stands in
/// DATABASE.journal, a line each.
struct MixedLoad: Sendable {
    private let store: JobStore
    private let life: String
    private let lease: Duration
    private let journal: Int32

    init?(_ arguments: [String]) throws {
        guard arguments.count == 4, let lease = Int(arguments[2]) else { return nil }
        (life, self.lease) = (arguments[1], .milliseconds(lease))
        journal = open(arguments[0] + ".journal", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        Self.dieAtLast(arguments[3])
        let configuration = JobStoreConfiguration(
            leaseDuration: self.lease, jitter: { 0 }, blobGracePeriod: .milliseconds(300))
        store = try JobStore(path: arguments[0], configuration: configuration)
        note("life \(life)")
    }

    private static func dieAtLast(_ end: String) {
        let words = end.split(separator: "=")
        let number = words.count == 2 ? Int64(words[1]) ?? 0 : 0
        signal(SIGALRM) { _ in kill(getpid(), SIGKILL) }
        switch words.first {
        case "after": ualarm(useconds_t(number + 1), 0)
        case "call", "torn":
            counted_calls_kill_at(counted_calls() + number, words[0] == "torn")
            // Should there be fewer calls than that.
            ualarm(300_000, 0)
        default: break
        }
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2 { group.addTask { try await submit("\(life)-\(number)") } }
            for number in 0..<4 { group.addTask { try await work(WorkerID(rawValue: "worker \(number)")) } }
            group.addTask { try await steer() }
            group.addTask { try await prune() }
            group.addTask { try await rescue() }
            try await group.waitForAll()
        }
    }

    private func note(_ line: String) { counted_calls_note(journal, line + "\n") }

    /// Payloads are long, so that the log is emptied into the database every few lives.
    private func submit(_ name: String) async throws {
        for serial in 0... {
            let blob = try await store.blobs.put(Array("\(name) \(serial)".utf8))
            note("blob \(blob.rawValue) \(name) \(serial)")
            let isAsked = serial % 4 == 3
            let job = NewJob(
                kind: "caption", label: name, model: "m", priority: isAsked ? .interactive : .bulk,
                isSynchronous: isAsked)
            let payload = "{\"text\":\"" + String(repeating: "x", count: serial * 7919 % 20_000) + "\"}"
            let requests = [
                NewRequest(key: "\(name)-\(serial)", payload: payload, blobs: [blob]),
                NewRequest(key: "x", payload: "{}"),
            ]
            do {
                let (stored, ids) = try await store.submit(job, requests)
                for id in ids { note("\(isAsked ? "asked" : "submitted") \(id.rawValue) \(stored.id.rawValue)") }
            } catch JobStoreError.unknownBlob {
                // This process was stopped for longer than an unused blob is kept.
                continue
            }
        }
    }

    private func work(_ worker: WorkerID) async throws {
        while true {
            let claims = try await store.claim(upTo: 3, of: .model("m"), for: worker)
            for claim in claims { note("claimed \(claim.requestID.rawValue) \(claim.epoch)") }
            // Long enough to be stopped with work in hand, if that is what this life is for.
            if lease < .seconds(1) { try await Task.sleep(for: lease / 4) }
            for claim in claims { try await end(claim) }
            if claims.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    private func end(_ claim: Claim) async throws {
        let id = claim.requestID.rawValue
        note("ending \(id) \(claim.epoch)")
        switch id % 6 {
        case 0, 1:
            let failure = RequestFailure(code: "trouble", message: "it is so", isRetryable: id % 6 == 1)
            switch try await store.fail(claim, failure) {
            case .failed: note("failed \(id)")
            case .leaseLost: note("late \(id) \(claim.epoch)")
            case .willRetry: break
            }
        case 2 where claim.epoch == 1: try await store.release([claim])
        default:
            switch try await store.complete(claim, result: "result \(id) \(claim.epoch)") {
            case .recorded: note("succeeded \(id) \(claim.epoch)")
            case .leaseLost: note("late \(id) \(claim.epoch)")
            }
        }
    }

    private func steer() async throws {
        for turn in 0... {
            try await Task.sleep(for: .milliseconds(1))
            for job in try await store.jobs(limit: 4) where !job.state.isFinal {
                if turn % 4 == 0 {
                    note("cancelling \(job.id)")
                    if try await store.cancel(job.id)?.state == .cancelled { note("cancelled \(job.id)") }
                } else {
                    _ = try await turn % 4 == 1 ? store.pause(job.id) : store.resume(job.id)
                }
            }
        }
    }

    private func prune() async throws {
        while true {
            try await Task.sleep(for: .milliseconds(9))
            note("pruning")
            _ = try await store.prune(finishedBefore: store.now - .milliseconds(20))
        }
    }

    private func rescue() async throws {
        while true {
            try await Task.sleep(for: lease / 4)
            try await store.rescueExpiredLeases()
        }
    }
}
