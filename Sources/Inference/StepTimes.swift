import Synchronization

/// How long the parts of a step took.
struct StepTimes {
    private let start: ContinuousClock.Instant
    var encode = Duration.zero
    var forward = Duration.zero

    var device: Duration { encode + forward }

    init(_ clock: ContinuousClock) { start = clock.now }

    func elapsed(_ clock: ContinuousClock) -> Duration { clock.now - start }
}

extension EngineMetrics {
    mutating func add(_ times: StepTimes, _ plan: StepPlan, total: Duration) {
        let decode = plan.decodePart(of: times.forward)
        steps += 1
        prefilledTokens += plan.tokenCount - plan.runs.count(where: \.isDecode)
        encodeTime += times.encode
        decodeTime += decode
        prefillTime += times.forward - decode
        overheadTime += total - times.device
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
