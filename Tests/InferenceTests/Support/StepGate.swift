import Dispatch
import Models

/// Stops the engine's thread at the beginning of every step until the test lets it go on.
final class StepGate: Sendable {
    /// The batches that came to the gate.
    let arrivals: AsyncStream<ForwardBatch>
    private let arrived: AsyncStream<ForwardBatch>.Continuation
    private let permits = DispatchSemaphore(value: 0)

    init() { (arrivals, arrived) = AsyncStream.makeStream() }

    /// A model whose every step comes to this gate.
    func model(_ change: (inout PageReadingModel) -> Void = { _ in }) -> PageReadingModel {
        var model = PageReadingModel()
        model.onForward = { [self] batch in
            arrived.yield(batch)
            permits.wait()
        }
        change(&model)
        return model
    }

    func pass(steps: Int = 1) { for _ in 0..<steps { permits.signal() } }

    /// More steps than any test takes.
    func open() { pass(steps: 10_000) }
}
