import GRDB

@testable import Jobs

/// What the lives of a `MixedLoad` noted beside their database, and what must be true of it after each.
struct LoadJournal {
    /// The state and the result of every request that was final when somebody looked last.
    private var finals: [Int64: String] = [:]
    /// Those that were seen final, or found missing with a reason: they may be gone for ever.
    private var gone: Set<Int64> = []
    private(set) var counts = Counts()
    /// Whether leases may run out in a living process, and requests be handed out again for it.
    private let leasesRunOut: Bool

    init(leasesRunOut: Bool = false) { self.leasesRunOut = leasesRunOut }

    struct Counts {
        var acknowledged = 0, succeeded = 0, cancelled = 0
        /// Results that came too late: somebody else's was accepted.
        var late = 0
        /// Requests that were set aside because two lives ended with them in hand.
        var setAside = 0
    }

    private struct Row: Sendable {
        let job: String
        let state: String
        let result: String?
        let crashes: Int
    }

    private struct Notes {
        var jobs: [Int64: String] = [:]
        /// The life in which each was submitted, and the last.
        var births: [Int64: Int] = [:]
        var life = 0
        var asked: Set<Int64> = []
        var claims: [Int64: [(life: Int, epoch: Int64)]] = [:]
        /// In which lives claims were ended, whatever came of it.
        var ends: [Int64: [Int]] = [:]
        var succeeded: [Int64: Int64] = [:]
        var failed: Set<Int64> = []
        var late: Set<[Int64]> = []
        var cancelling: Set<String> = []
        var cancelled: Set<String> = []
        /// Text of each blob.
        var blobs: [String: String] = [:]
        var problems: [String] = []
        var lines: [Substring] = []

        /// What was noted of a request and its job, between the beginnings of lives.
        func story(of id: Int64, _ job: String) -> String {
            lines.filter { line in
                let words = line.split(separator: " ")
                return words[0] == "life" || words.dropFirst().contains { $0 == job || $0 == String(id) }
            }.joined(separator: "\n")
        }
    }

    /// Compares a store that was just opened after a kill with all that was noted.
    /// - Parameter hasSkipped: whether the life before the last ended without a look.
    mutating func problems(of store: JobStore, hasSkipped: Bool) async throws -> [String] {
        let notes = try read(store.path + ".journal")
        let rows = try await store.read { db in
            let rows = try GRDB.Row.fetchAll(db, sql: "SELECT id, job_id, state, result, crashes FROM request")
            return Dictionary(
                uniqueKeysWithValues: rows.map {
                    (
                        $0["id"] as Int64,
                        Row(job: $0["job_id"], state: $0["state"], result: $0["result"], crashes: $0["crashes"])
                    )
                })
        }
        var problems = notes.problems + (try await Invariants.problems(of: store))
        for (id, job) in notes.jobs {
            guard let row = rows[id] else {
                if mayBePruned(id, of: job, notes, hasSkipped) {
                    gone.insert(id)
                } else {
                    problems.append("request \(id) is lost\n\(notes.story(of: id, job))")
                }
                continue
            }
            problems += self.problems(of: row, id, notes).map { "request \(id), \($0)" }
        }
        for (id, last) in finals {
            if let row = rows[id], Self.outcome(row) != last { problems.append("request \(id) was \(last) before") }
        }
        finals = rows.filter { ["succeeded", "failed", "cancelled", "expired"].contains($0.value.state) }
            .mapValues(Self.outcome)
        gone.formUnion(finals.keys)
        problems += try await lostBlobs(notes, store)
        problems += try await disorder(store)
        if !DurableFile.names(in: store.blobs.incoming).isEmpty { problems.append("an unfinished blob is left") }
        counts.acknowledged = notes.jobs.count
        counts.succeeded = notes.succeeded.count
        counts.late = notes.late.count { notes.succeeded[$0[0]] != nil }
        counts.cancelled = notes.cancelled.count
        counts.setAside = max(counts.setAside, rows.values.count { $0.state == "failed" && $0.crashes > 1 })
        return problems
    }

    private static func outcome(_ row: Row) -> String { "\(row.state) \(row.result ?? "-")" }

    private func read(_ path: String) throws -> Notes {
        var notes = Notes()
        var life = 0
        let text = String(decoding: try DurableFile.contents(of: path) ?? [], as: UTF8.self)
        notes.lines = text.split(separator: "\n")
        for line in notes.lines {
            let words = line.split(separator: " ").map(String.init)
            let id = words.count > 1 ? Int64(words[1]) ?? 0 : 0
            let epoch = words.count > 2 ? Int64(words[2]) ?? 0 : 0
            switch words[0] {
            case "life": life += 1
            case "submitted", "asked":
                (notes.jobs[id], notes.births[id]) = (words[2], life)
                if words[0] == "asked" { notes.asked.insert(id) }
            case "claimed": notes.claims[id, default: []].append((life, epoch))
            case "ending": notes.ends[id, default: []].append(life)
            case "succeeded":
                if notes.succeeded.updateValue(epoch, forKey: id) != nil {
                    notes.problems.append("two results of request \(id) were accepted")
                }
            case "failed": notes.failed.insert(id)
            case "late": notes.late.insert([id, epoch])
            case "cancelling": notes.cancelling.insert(words[1])
            case "cancelled": notes.cancelled.insert(words[1])
            case "blob": notes.blobs[words[1]] = words[2...].joined(separator: " ")
            default: break
            }
        }
        notes.life = life
        return notes
    }

    /// Only what has ended is pruned. A request may have been set aside without a note of its claims, which were committed
    /// as two lives ended: the look after the second, which recovers the queue, has seen it, unless it was left out.
    private func mayBePruned(_ id: Int64, of job: String, _ notes: Notes, _ hasSkipped: Bool) -> Bool {
        let isSetAside =
            gone.contains(id) || notes.claims[id, default: []].count > 1
            || hasSkipped && notes.life >= notes.births[id, default: 0] + 2
        return notes.asked.contains(id) || notes.ends[id] != nil || notes.cancelling.contains(job) || isSetAside
    }

    private func problems(of row: Row, _ id: Int64, _ notes: Notes) -> [String] {
        var problems: [String] = []
        if row.state == "running" { problems.append("runs under a dead owner") }
        if notes.asked.contains(id), row.state == "waiting" { problems.append("waits for a client that is gone") }
        if row.crashes > 2 { problems.append("has crashed \(row.crashes) times") }
        if let epoch = notes.succeeded[id], row.result != "result \(id) \(epoch)" {
            problems.append("is \(row.state) with \(row.result ?? "no result") instead of that of claim \(epoch)")
        }
        if notes.failed.contains(id), row.state != "failed" { problems.append("failed and is \(row.state)") }
        if notes.cancelled.contains(row.job), !["cancelled", "succeeded", "failed", "expired"].contains(row.state) {
            problems.append("is \(row.state) though its job was cancelled")
        }
        for claim in notes.claims[id, default: []] where notes.late.contains([id, claim.epoch]) {
            if row.result == "result \(id) \(claim.epoch)" { problems.append("has the late result \(claim.epoch)") }
        }
        // Within a life a request is handed out again only when it was given back, failed for now, or taken away.
        let claims = notes.claims[id, default: []]
        if Set(claims.map(\.epoch)).count < claims.count { problems.append("was claimed twice at once") }
        for (life, claims) in Dictionary(grouping: claims, by: \.life) {
            let ends = notes.ends[id, default: []].count { $0 == life } + (leasesRunOut ? row.crashes : 0)
            if claims.count > 1 + ends { problems.append("was claimed \(claims.count) times in life \(life)") }
        }
        return problems
    }

    /// Blobs that a request refers to are there, whole.
    private func lostBlobs(_ notes: Notes, _ store: JobStore) async throws -> [String] {
        let used = try await store.read { try String.fetchAll($0, sql: "SELECT DISTINCT blob_id FROM request_blob") }
        var problems: [String] = []
        for id in used {
            let bytes = try? await store.blobs.bytes(of: BlobID(rawValue: id))
            let text = bytes.map { String(decoding: $0, as: UTF8.self) }
            if let expected = notes.blobs[id], text != expected { problems.append("blob \(id) is \(text ?? "lost")") }
        }
        return problems
    }

    /// What is claimed next is what is due first, and a suspect comes alone.
    private func disorder(_ store: JobStore) async throws -> [String] {
        let now = store.now.milliseconds
        let due = try await store.read { db in
            try GRDB.Row.fetchAll(
                db,
                sql: """
                    SELECT id, crashes FROM request WHERE state = 'waiting' AND is_held = 0 AND run_at <= ?
                    ORDER BY priority, run_at, id LIMIT 3
                    """, arguments: [now]
            ).map { (id: $0["id"] as Int64, isSuspect: $0["crashes"] as Int > 0) }
        }
        let claims = try await store.claim(upTo: 3, for: .ada)
        try await store.release(claims)
        let expected = due.first?.isSuspect == true ? due.prefix(1) : due.prefix { !$0.isSuspect }
        let found = claims.map(\.requestID.rawValue)
        return found == expected.map(\.id) ? [] : ["\(found) were claimed before \(expected.map(\.id))"]
    }
}
