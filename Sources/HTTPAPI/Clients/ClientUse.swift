import HTTPTypes
import Synchronization

/// What each client has used of what it may: a generic cell rate algorithm (ITU-T I.371) for its rate, a count of what it
/// has open.
final class ClientUse: Sendable {
    /// An open request; given back when its answer was sent, at the latest when nobody has it any more.
    final class Place: Sendable {
        private let use: ClientUse
        private let client: String
        private let isLeft = Atomic(false)

        fileprivate init(_ use: ClientUse, _ client: String) {
            self.use = use
            self.client = client
        }

        deinit { leave() }

        func leave() {
            guard !isLeft.exchange(true, ordering: .relaxed) else { return }
            use.leave(client)
        }
    }

    /// What the headers tell of a client's rate.
    struct Allowance: Equatable {
        let limit: Int
        let remaining: Int
        /// Until as many are possible at once as ever.
        let reset: Duration
    }

    fileprivate struct State {
        var open = 0
        /// When the requests so far would have come, had they come at the client's rate.
        var due: ContinuousClock.Instant?
    }

    private let states = Mutex<[String: State]>([:])

    var openRequests: Int { states.withLock { $0.values.reduce(0) { $0 + $1.open } } }

    /// Throws a 429 that says when to come again.
    func enter(
        _ client: String, _ limits: ClientLimits, at now: ContinuousClock.Instant = .now
    ) throws(APIError) -> (place: Place, allowance: Allowance?) {
        let allowance = try states.withLock { states throws(APIError) -> Allowance? in
            var state = states[client] ?? State()
            if let limit = limits.concurrentRequests, state.open >= limit {
                throw .tooMany("\(limit) requests with this key are open already.", retryAfter: 1)
            }
            let allowance = try limits.requestsPerMinute.map { rate throws(APIError) in
                try state.pass(rate: rate, at: now)
            }
            state.open += 1
            states[client] = state
            return allowance
        }
        return (Place(self, client), allowance)
    }

    private func leave(_ client: String) { states.withLock { $0[client]?.open -= 1 } }
}

extension ClientUse.State {
    fileprivate mutating func pass(rate: Int, at now: ContinuousClock.Instant) throws(APIError) -> ClientUse.Allowance {
        let interval = Duration.seconds(60) / rate
        let burst = max(rate / 6, 1)
        let ahead = max((due ?? now) - now, .zero)
        let room = interval * (burst - 1) - ahead
        guard room >= .zero else {
            throw .tooMany(
                "\(rate) requests a minute are possible with this key.", retryAfter: Self.seconds(.zero - room))
        }
        due = now + ahead + interval
        return .init(limit: rate, remaining: Int(room / interval), reset: ahead + interval)
    }

    private static func seconds(_ time: Duration) -> Int { max(Int((time / .seconds(1)).rounded(.up)), 1) }
}

extension APIError {
    fileprivate static func tooMany(_ message: String, retryAfter: Int) -> APIError {
        APIError(.tooManyRequests, type: "RateLimitError", message, retryAfter: retryAfter)
    }
}
