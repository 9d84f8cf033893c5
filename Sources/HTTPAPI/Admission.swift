import Synchronization

/// Bounds what waits for its answer, so that overload is an early 503 and never a long queue of open connections.
///
/// Requests differ a thousandfold in what they cost, so they are counted in work (tokens, roughly) beside their number; how
/// much of it is done in a second is measured while there is some. Who would wait longer than `maxWait` is told when to
/// come again: when enough will have been done, by that measure.
final class Admission: Sendable {
    /// A place among those who wait; given back when it is left, at the latest when the last owner lets go of it.
    final class Place: Sendable {
        private let admission: Admission
        private let work: Double
        private let isLeft = Atomic(false)

        fileprivate init(_ admission: Admission, work: Double) {
            self.admission = admission
            self.work = work
        }

        deinit { leave(isDone: false) }

        /// - Parameter isDone: the request was answered; one that was given up tells nothing of how fast work is done.
        func leave(isDone: Bool) {
            guard !isLeft.exchange(true, ordering: .relaxed) else { return }
            admission.leave(work, isDone: isDone)
        }
    }

    private struct State {
        var places = 0
        var waitingWork = 0.0
        /// Work done, and the seconds in which there was some to do; both fade, so that their quotient is of the last minutes.
        var done = 0.0
        var busy = 0.0
        var changed: ContinuousClock.Instant?

        /// Work a second; nil before there is evidence.
        var rate: Double? { busy >= 1 && done > 0 ? done / busy : nil }
    }

    let limit: Int
    private let maxWait: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    /// Seconds after which what was measured counts half, or less where much was measured between.
    private static let memory = 120.0
    private static let longestAdvice = 600

    init(
        limit: Int, maxWait: Duration = .seconds(600), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.limit = limit
        self.maxWait = maxWait
        self.now = now
    }

    var waiting: Int { state.withLock { $0.places } }

    func enter(work: Double) throws(APIError) -> Place {
        let now = now()
        try state.withLock { state throws(APIError) in
            Self.advance(&state, to: now)
            guard state.places < limit else {
                let share = state.waitingWork / Double(max(state.places, 1))
                throw .unavailable(
                    "\(limit) requests are waiting already; send the request again later.",
                    retryAfter: Self.advice(state.rate.map { share / $0 } ?? 2))
            }
            // Whoever is alone is served however long it takes.
            if let rate = state.rate, state.places > 0 {
                let wait = (state.waitingWork + work) / rate
                guard wait <= maxWait / .seconds(1) else {
                    throw .unavailable(
                        "The answer would take about \(Int(wait)) seconds; send the request again later.",
                        retryAfter: Self.advice(wait - maxWait / .seconds(1)))
                }
            }
            state.places += 1
            state.waitingWork += work
        }
        return Place(self, work: work)
    }

    private func leave(_ work: Double, isDone: Bool) {
        let now = now()
        state.withLock { state in
            Self.advance(&state, to: now)
            state.places -= 1
            state.waitingWork = state.places == 0 ? 0 : state.waitingWork - work
            if isDone { state.done += work }
        }
    }

    /// Time in which nobody waited neither counts nor fades.
    private static func advance(_ state: inout State, to now: ContinuousClock.Instant) {
        defer { state.changed = now }
        guard let changed = state.changed, state.places > 0 else { return }
        let seconds = (now - changed) / .seconds(1)
        let fading = memory / (memory + seconds)
        state.done *= fading
        state.busy = state.busy * fading + seconds
    }

    private static func advice(_ seconds: Double) -> Int { min(max(Int(seconds.rounded(.up)), 1), longestAdvice) }
}
