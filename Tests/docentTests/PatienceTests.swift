import Jobs
import Synchronization
import Testing

@testable import docent

struct PatienceTests {
    private static let atOnce = RetryPolicy(base: .zero, cap: .zero)
    private static let unreachable = CommandError.serverUnreachable(url: "http://x", reason: "refused")

    /// Fails with each of the errors in turn, then answers.
    private func answer(after failures: [CommandError], _ patience: Patience) async throws -> Int {
        var asked = 0
        return try await patience.ask {
            defer { asked += 1 }
            if asked < failures.count { throw failures[asked] }
            return asked
        }
    }

    @Test func `what fails for the moment is asked again, and both the absence and its end are told once`() async throws
    {
        let told = Mutex<[String]>([])
        let patience = Patience(url: "http://x", backoff: Self.atOnce) { text in told.withLock { $0.append(text) } }
        let full = CommandError.serverAnswer(url: "http://x", status: 507, code: nil, message: "no space")
        #expect(try await answer(after: [Self.unreachable, full, Self.unreachable], patience) == 3)
        #expect(try await answer(after: [], patience) == 0)
        let said = told.withLock { $0 }
        #expect(said.count == 2)
        #expect(said.first?.contains("does not answer") == true && said.last == "The server answers again.")
    }

    @Test func `a server that stays away is given up, and every answer is new hope`() async throws {
        let time = Mutex(ContinuousClock.now)
        // A minute passes with each failure.
        let patience = Patience(url: "http://x", longestAbsence: .seconds(150), backoff: Self.atOnce) {
            time.withLock { time in
                time += .seconds(60)
                return time
            }
        } tell: { _ in
        }
        for _ in 0..<3 {
            #expect(try await answer(after: [Self.unreachable, Self.unreachable, Self.unreachable], patience) == 3)
        }
        let lost = CommandError.serverLost(
            url: "http://x", patience: .seconds(150), reason: Self.unreachable.description)
        await #expect(throws: lost) {
            try await answer(after: Array(repeating: Self.unreachable, count: 4), patience)
        }
    }

    @Test(arguments: [400, 401, 404, 413, 500])
    func `a refusal is an answer`(status: Int) async throws {
        let patience = Patience(url: "http://x", backoff: Self.atOnce) { _ in Issue.record("nobody was away") }
        let refusal = CommandError.serverAnswer(url: "http://x", status: status, code: nil, message: "no")
        await #expect(throws: refusal) { try await answer(after: [refusal], patience) }
    }
}
