import Jobs
import Synchronization

/// How long a server that has answered before may be away: what fails because it is restarted, or has no room for the
/// moment, is asked again.
///
/// Shared by all who ask the server: an answer to one of them is hope for the others.
final class Patience: Sendable {
    /// A restart may first drain (30 s) and then load a large model.
    static let longestAbsence = Duration.seconds(120)

    private let url: String
    private let longestAbsence: Duration
    private let backoff: RetryPolicy
    private let now: @Sendable () -> ContinuousClock.Instant
    private let tell: @Sendable (String) -> Void
    /// Since when nothing has been answered; nil while the server answers.
    private let awaySince = Mutex<ContinuousClock.Instant?>(nil)

    init(
        url: String, longestAbsence: Duration = longestAbsence,
        backoff: RetryPolicy = RetryPolicy(base: .milliseconds(500), cap: .seconds(5)),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, tell: @escaping @Sendable (String) -> Void
    ) {
        self.url = url
        self.longestAbsence = longestAbsence
        self.backoff = backoff
        self.now = now
        self.tell = tell
    }

    /// Asks until there is an answer, be it a refusal.
    /// - Throws: `CommandError.serverLost` when the server stays away for too long.
    func ask<Answer>(_ question: () async throws -> Answer) async throws -> Answer {
        var attempt = 0
        while true {
            do {
                let answer = try await question()
                noteAnswer()
                return answer
            } catch let error as CommandError where error.mayPass {
                try noteAbsence(error)
            }
            attempt += 1
            try await Task.sleep(for: backoff.delay(afterAttempt: attempt, jitter: .random(in: 0..<1)))
        }
    }

    private func noteAnswer() {
        let wasAway = awaySince.withLock { since in
            defer { since = nil }
            return since != nil
        }
        if wasAway { tell("The server answers again.") }
    }

    private func noteAbsence(_ error: CommandError) throws(CommandError) {
        let moment = now()
        let since = awaySince.withLock { since in
            defer { since = since ?? moment }
            return since
        }
        guard let since else { return tell("\(error) Trying again for \(longestAbsence.components.seconds) s.") }
        if moment - since >= longestAbsence {
            throw .serverLost(url: url, patience: longestAbsence, reason: "\(error)")
        }
    }
}

extension CommandError {
    /// Whether the same question may be answered later: nobody was there, or the server was busy, stopping or full.
    fileprivate var mayPass: Bool {
        switch self {
        case .serverUnreachable: true
        case .serverAnswer(_, let status, _, _): [429, 502, 503, 504, 507].contains(status)
        default: false
        }
    }
}
