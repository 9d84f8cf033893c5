import Synchronization

/// How long the parts of a step took.
struct StepTimes {
    private let start: ContinuousClock.Instant
    var encode = Duration.zero
    var forward = Duration.zero

    init(_ clock: ContinuousClock) { start = clock.now }

    func elapsed(_ clock: ContinuousClock) -> Duration { clock.now - start }
}

extension EngineMetrics {
    mutating func add(_ times: StepTimes, _ plan: StepPlan, total: Duration) {
        let decoded = plan.runs.count(where: \.isDecode)
        let tokens = plan.tokenCount
        steps += 1
        prefilledTokens += tokens - decoded
        encodeTime += times.encode
        if tokens > 0 {
            let decode = times.forward * decoded / tokens
            decodeTime += decode
            prefillTime += times.forward - decode
        }
        overheadTime += total - times.encode - times.forward
        lastStepTime = total
        longestStepTime = max(longestStepTime, total)
    }
}

/// The engine's figures where any thread can read them.
final class PublishedMetrics: Sendable {
    private let metrics: Mutex<EngineMetrics>

    init(_ metrics: EngineMetrics) { self.metrics = Mutex(metrics) }

    var value: EngineMetrics {
        get { metrics.withLock { $0 } }
        set { metrics.withLock { $0 = newValue } }
    }
}
