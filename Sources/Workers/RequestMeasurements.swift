/// What requests asked for and how long they took, since the dispatcher started.
///
/// A request arrives when it is submitted if somebody waits for it, else when it is claimed: the hours that bulk work
/// spends in the queue say nothing of the service.
public struct RequestMeasurements: Sendable, Hashable {
    /// From arrival to the claim.
    public internal(set) var queueTime = Histogram.latency
    /// From arrival to the first token of a choice.
    public internal(set) var timeToFirstToken = Histogram.firstToken
    /// Between two tokens of a choice.
    public internal(set) var interTokenLatency = Histogram.betweenTokens
    /// The mean of those, for each choice.
    public internal(set) var timePerOutputToken = Histogram.betweenTokens
    /// From arrival to the last token of a choice.
    public internal(set) var endToEnd = Histogram.latency
    /// From when the generator was asked: to a choice's first token, from there to its last, and both.
    public internal(set) var prefillTime = Histogram.latency
    public internal(set) var decodeTime = Histogram.latency
    public internal(set) var inferenceTime = Histogram.latency
    public internal(set) var promptTokens = Histogram.tokens
    public internal(set) var completionTokens = Histogram.tokens
    /// Choices by how they ended: "stop", "length", …; and requests that had none: "abort", "error".
    public internal(set) var ends: [String: Int] = [:]

    public init() {}

    mutating func noteEnd(_ reason: String) { ends[reason, default: 0] += 1 }
}

/// The moments of one choice.
struct ChoiceTimes {
    let arrival: ContinuousClock.Instant
    let asked: ContinuousClock.Instant
    private var first: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?

    init(arrival: ContinuousClock.Instant, asked: ContinuousClock.Instant) {
        self.arrival = arrival
        self.asked = asked
    }

    /// A token came.
    mutating func note(in measurements: inout RequestMeasurements, at now: ContinuousClock.Instant = .now) {
        if let last {
            measurements.interTokenLatency.observe(now - last)
        } else {
            first = now
            measurements.timeToFirstToken.observe(now - arrival)
            measurements.prefillTime.observe(now - asked)
        }
        last = now
    }

    /// The choice has ended after `tokens` tokens.
    func finish(
        _ reason: String, tokens: Int, in measurements: inout RequestMeasurements,
        at now: ContinuousClock.Instant = .now
    ) {
        measurements.noteEnd(reason)
        measurements.completionTokens.observe(Double(tokens))
        measurements.endToEnd.observe(now - arrival)
        measurements.inferenceTime.observe(now - asked)
        guard let first, let last else { return }
        measurements.decodeTime.observe(last - first)
        if tokens > 1 { measurements.timePerOutputToken.observe((last - first) / (tokens - 1)) }
    }
}
