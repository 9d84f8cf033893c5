import GRDB
import Testing

@testable import Jobs

/// Operations on a store and on its model, side by side, as a seed chooses them.
struct RandomProgram {
    let workplace: Workplace
    var store: JobStore
    var model: QueueModel
    var random: SeededGenerator
    /// Every claim ever given out, also those that are long lost.
    var claims: [Claim] = []
    /// Pages of the log after which the writer empties it into the database; the store's own setting if nil.
    private let checkpointPages: Int?
    /// Without restarts and prunings, which consist of several commits and may fail between them.
    private let isAtomic: Bool

    init(
        seed: UInt64, in workplace: Workplace = Workplace(), checkpointPages: Int? = nil, isAtomic: Bool = false
    ) async throws {
        self.workplace = workplace
        self.checkpointPages = checkpointPages
        self.isAtomic = isAtomic
        store = try workplace.store()
        model = QueueModel(now: workplace.clock.now())
        random = SeededGenerator(state: seed &* 0x9e37_79b9_7f4a_7c15 | 1)
        try await limitLog()
    }

    private func limitLog() async throws {
        guard let checkpointPages else { return }
        try await store.queue.perform { transaction in
            try transaction.db.execute(sql: "PRAGMA wal_autocheckpoint = \(checkpointPages)")
        }
    }

    mutating func step() async throws -> String {
        switch Int.random(in: 0..<(isAtomic ? 95 : 100), using: &random) {
        case 0..<14: return try await submit()
        case 14..<38: return try await claim()
        case 38..<54: return try await complete()
        case 54..<64: return try await fail()
        case 64..<68: return try await release()
        case 68..<72: return try await renew()
        case 72..<86: return try await steer()
        case 86..<95: return try await passTime()
        case 95..<96: return try await prune()
        default: return try await restart()
        }
    }

    private mutating func submit() async throws -> String {
        let isChat = Bool.random(using: &random)
        let count = Int.random(in: 0...4, using: &random)
        let (job, ids) = try await store.submit(isChat ? .chat : .bulk(), .numbered(0..<count))
        var expected = QueueModel.Job(priority: job.priority, isSynchronous: isChat)
        for id in ids { expected.requests[id] = QueueModel.Request(runAt: model.now) }
        model.submit(job.id, expected)
        return "submit \(count) \(job.priority)"
    }

    private mutating func claim() async throws -> String {
        let limit = Int.random(in: 1...4, using: &random)
        let worker = Bool.random(using: &random) ? WorkerID.ada : .bob
        let expected = model.claimable(limit)
        let given = try await store.claim(upTo: limit, for: worker)
        #expect(given.map(\.requestID) == expected)
        for claim in given { model.claim(claim.requestID, of: claim.jobID, by: worker) }
        claims += given
        return "claim \(limit)"
    }

    private mutating func complete() async throws -> String {
        guard let claim = claims.randomElement(using: &random) else { return "nothing" }
        let holds = model.holds(claim)
        let outcome = try await store.complete(claim, result: "result \(claim.epoch)")
        #expect((outcome == .recorded) == (holds && !model.isCancelled(claim)))
        if holds { model.end(claim) { ($0.state, $0.result) = (.succeeded, "result \(claim.epoch)") } }
        return "complete \(claim.requestID.rawValue)"
    }

    private mutating func fail() async throws -> String {
        guard let claim = claims.randomElement(using: &random) else { return "nothing" }
        let failure = Bool.random(using: &random) ? RequestFailure.transient : .permanent
        let holds = model.holds(claim)
        let outcome = try await store.fail(claim, failure)
        #expect((outcome != .leaseLost) == (holds && !model.isCancelled(claim)))
        if holds {
            // The test's jitter is one half: half a second after the first attempt, one after the second.
            let now = model.now
            model.end(claim) { request in
                let isOver = !failure.isRetryable || request.attempts >= QueueModel.maxAttempts
                request.state = isOver ? .failed : .waiting
                if !isOver { request.runAt = now + .milliseconds(500 << (request.attempts - 1)) }
            }
        }
        return "fail \(claim.requestID.rawValue) \(failure.code)"
    }

    private mutating func release() async throws -> String {
        guard let claim = claims.randomElement(using: &random) else { return "nothing" }
        let holds = model.holds(claim)
        try await store.release([claim])
        if holds {
            model.end(claim) { request in
                request.state = .waiting
                request.attempts -= 1
            }
        }
        return "release \(claim.requestID.rawValue)"
    }

    private mutating func renew() async throws -> String {
        let some = claims.shuffled(using: &random).prefix(3)
        let lost = try await store.renew(Array(some))
        #expect(Set(lost) == Set(some.filter { !model.holds($0) || model.isCancelled($0) }))
        for claim in some where !lost.contains(claim) { model.renew(claim) }
        return "renew \(some.count)"
    }

    private mutating func steer() async throws -> String {
        let ids = model.jobs.keys.sorted { $0.rawValue < $1.rawValue }
        guard let id = ids.randomElement(using: &random) else { return "nothing" }
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            _ = try await store.cancel(id)
            model.cancel(id)
            return "cancel \(id)"
        case 1:
            let requests = model.jobs[id]?.requests.keys.sorted { $0.rawValue < $1.rawValue } ?? []
            guard let request = requests.randomElement(using: &random) else { return "nothing" }
            try await store.cancel(request)
            model.cancel(request, of: id)
            return "cancel \(request.rawValue)"
        case 2:
            _ = try await store.pause(id)
            model.pause(id)
            return "pause \(id)"
        case 3:
            _ = try await store.resume(id)
            model.resume(id)
            return "resume \(id)"
        default:
            _ = try await store.retry(id)
            model.retry(id)
            return "retry \(id)"
        }
    }

    private mutating func passTime() async throws -> String {
        let milliseconds = [1, 300, 700, 20_000, 61_000].randomElement(using: &random) ?? 1
        workplace.clock.advance(by: .milliseconds(milliseconds))
        model.now = workplace.clock.now()
        let now = model.now
        try await store.rescueExpiredLeases()
        model.rescue(where: { $0.leaseEnd.map { $0 <= now } ?? false }, ownerDied: false)
        return "\(milliseconds) ms pass"
    }

    private mutating func prune() async throws -> String {
        workplace.clock.advance(by: .milliseconds(1))
        model.now = workplace.clock.now()
        let deleted = try await store.prune(finishedBefore: workplace.clock.now())
        #expect(deleted == model.prune())
        return "prune \(deleted)"
    }

    private mutating func restart() async throws -> String {
        try await store.close()
        // The next store's job ids sort behind this one's, so that a seed chooses the same jobs every time.
        workplace.clock.advance(by: .milliseconds(1))
        model.now = workplace.clock.now()
        store = try workplace.store()
        try await limitLog()
        model.overtakenSince = nil
        model.rescue(where: { _ in true }, ownerDied: true)
        return "restart"
    }

    func compare(_ context: String) async throws {
        for (id, expected) in model.jobs {
            let job = try #require(try await store.job(id))
            #expect(job.state == expected.state, "\(context), job \(id)")
            let rows = try await store.requests(of: id, limit: 100)
            #expect(rows.count == expected.requests.count && job.counts.total == rows.count)
            for state in RequestState.allCases {
                #expect(job.counts[state] == rows.count { $0.state == state }, "\(context), job \(id)")
            }
            for row in rows {
                let request = try #require(expected.requests[row.id])
                let found = "\(row.state) \(row.attempts) \(row.crashes) \(row.result ?? "-")"
                #expect(
                    found == "\(request.state) \(request.attempts) \(request.crashes) \(request.result ?? "-")",
                    "\(context), request \(row.id.rawValue)")
            }
        }
    }
}
