/// When a failed attempt is tried again: exponential backoff with full jitter.
///
/// Full jitter (a uniform draw from zero to the bound) spreads the retries of requests that failed together better than
/// a fixed share of jitter does (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
public struct RetryPolicy: Sendable, Hashable {
    /// The upper bound of the first delay; it doubles with every attempt.
    public var base: Duration
    /// No delay is longer.
    public var cap: Duration

    public init(base: Duration = .seconds(1), cap: Duration = .seconds(300)) {
        precondition(base >= .zero && cap >= base, "a retry policy needs 0 ≤ base ≤ cap")
        self.base = base
        self.cap = cap
    }

    /// The longest delay after the given attempt (1 for the first).
    public func bound(afterAttempt attempt: Int) -> Duration {
        precondition(attempt >= 1, "attempts count from 1")
        var bound = base
        for _ in 1..<attempt where bound < cap { bound *= 2 }
        return min(bound, cap)
    }

    /// A delay drawn uniformly from zero to the bound; `jitter` is in 0..<1.
    public func delay(afterAttempt attempt: Int, jitter: Double) -> Duration {
        bound(afterAttempt: attempt) * jitter
    }

    enum Outcome: Equatable { case retry(after: Duration), fail }

    /// What becomes of a request whose attempt failed.
    func outcome(of failure: RequestFailure, attempt: Int, limit: Int, jitter: Double) -> Outcome {
        guard failure.isRetryable, attempt < limit else { return .fail }
        return .retry(after: delay(afterAttempt: attempt, jitter: jitter))
    }
}
