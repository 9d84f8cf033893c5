import Compute
import Inference
import Models
import Synchronization
import Testing

/// What happens between the slices of an image.
@Suite(.timeLimit(.minutes(5)))
struct EngineEncodingTests {
    /// Stops the engine's thread before every slice, and writes down which.
    private final class SliceLog: Sendable {
        let gate = StepGate()
        private let slices = Mutex<[String]>([])

        var seen: [String] { slices.withLock { $0 } }

        /// A model of `count` slices an image that comes to the gate before each of them, and not before its passes.
        func model(slices count: Int, _ change: (inout PageReadingModel) -> Void = { _ in }) -> PageReadingModel {
            var model = PageReadingModel()
            let wait = gate.model().onForward
            model.slices = count
            model.onSlice = { image, slice in
                self.slices.withLock { $0.append("\(Int(image.pixels[0])).\(slice)") }
                try wait(ForwardBatch(tokens: [], positions: [], layout: BatchLayout(sequences: []), logitRows: []))
            }
            change(&model)
            return model
        }
    }

    private static func question(_ image: Int, count: Int = 3, priority: Priority = .interactive) -> GenerationRequest {
        Requests.greedy(
            Requests.prompt("see", Requests.image(image, tokens: 5), "?"), count: count, priority: priority)
    }

    private func expectModelsAnswer(
        _ stream: AsyncThrowingStream<GenerationEvent, any Error>, to request: GenerationRequest
    ) async throws {
        let expected = PageReadingModel.expectedAnswer(to: request.prompt, count: request.sampling.maxTokens ?? 0)
        #expect(try await Answered(stream).ids == expected)
    }

    @Test func `a request that comes between two slices is read before the next, and its image goes first`()
        async throws
    {
        let log = SliceLog()
        let engine = try Engine.testing(log.model(slices: 3))
        var slices = log.gate.arrivals.makeAsyncIterator()
        let (bulk, interactive) = (Self.question(1, priority: .bulk), Self.question(2))
        let first = engine.generate(bulk)
        _ = await slices.next()
        log.gate.pass()
        _ = await slices.next()
        let second = engine.generate(interactive)
        log.gate.open()
        try await expectModelsAnswer(second, to: interactive)
        try await expectModelsAnswer(first, to: bulk)
        #expect(Array(log.seen.prefix(3)) == ["1.0", "1.1", "2.0"])
        #expect(log.seen.sorted() == ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"])
        #expect(engine.metrics.encodedImages == 2)
        await engine.shutdown()
    }

    @Test func `cancelling takes effect between two slices and drops the encoding`() async throws {
        let log = SliceLog()
        let engine = try Engine.testing(log.model(slices: 10))
        var slices = log.gate.arrivals.makeAsyncIterator()
        var abandoned: AsyncThrowingStream<GenerationEvent, any Error>? = engine.generate(Self.question(1))
        _ = await slices.next()
        log.gate.pass()
        _ = await slices.next()
        #expect(abandoned != nil)
        abandoned = nil
        let other = Self.question(2)
        let stream = engine.generate(other)
        log.gate.open()
        try await expectModelsAnswer(stream, to: other)
        // Who shows the image again begins anew.
        let again = Self.question(1)
        try await expectModelsAnswer(engine.generate(again), to: again)
        let whole = (0..<10).map { "1.\($0)" }
        #expect(log.seen == ["1.0", "1.1"] + (0..<10).map { "2.\($0)" } + whole)
        #expect(engine.metrics.cancelledRequests == 1)
        #expect(engine.metrics.encodedImages == 2)
        #expect(engine.metrics.usedPages == 0)
        await engine.shutdown()
    }

    @Test func `an encoding goes on for whoever else shows the image`() async throws {
        let log = SliceLog()
        let engine = try Engine.testing(log.model(slices: 4))
        var slices = log.gate.arrivals.makeAsyncIterator()
        var abandoned: AsyncThrowingStream<GenerationEvent, any Error>? = engine.generate(Self.question(1))
        _ = await slices.next()
        let kept = Self.question(1)
        let stream = engine.generate(kept)
        log.gate.pass()
        _ = await slices.next()
        #expect(abandoned != nil)
        abandoned = nil
        log.gate.open()
        try await expectModelsAnswer(stream, to: kept)
        #expect(log.seen == ["1.0", "1.1", "1.2", "1.3"])
        #expect(engine.metrics.cancelledRequests == 1)
        await engine.shutdown()
    }

    @Test func `a slice that fails fails its request alone, and others who show the image begin it anew`() async throws
    {
        let failures = Atomic(1)
        let log = SliceLog()
        let shortage = ComputeError.outOfMemory(device: "test", byteCount: 1)
        let engine = try Engine.testing(
            log.model(slices: 3) { model in
                let wait = model.onSlice
                model.onSlice = { image, slice in
                    try wait(image, slice)
                    guard slice == 1, failures.exchange(0, ordering: .relaxed) == 1 else { return }
                    throw shortage
                }
            })
        var slices = log.gate.arrivals.makeAsyncIterator()
        let (question, other) = (Self.question(1), Self.question(2))
        let failing = engine.generate(question)
        _ = await slices.next()
        let streams = [engine.generate(question), engine.generate(other)]
        log.gate.open()
        await #expect(throws: EngineError.requestFailed(reason: "\(shortage)")) { try await Answered(failing) }
        try await expectModelsAnswer(streams[0], to: question)
        try await expectModelsAnswer(streams[1], to: other)
        #expect(log.seen == ["1.0", "1.1", "1.0", "1.1", "1.2", "2.0", "2.1", "2.2"])
        #expect(engine.metrics.failedRequests == 1)
        await engine.shutdown()
    }

    @Test func `an answer is written while somebody else's image is encoded`() async throws {
        var model = PageReadingModel()
        model.slices = .max
        let engine = try Engine.testing(model)
        let image = engine.generate(Self.question(1))
        let writer = Requests.greedy(Requests.prompt("abc"), count: 60)
        try await expectModelsAnswer(engine.generate(writer), to: writer)
        #expect(engine.metrics.encodeTime > .zero)
        await engine.shutdown(.cancel)
        await #expect(throws: EngineError.shutDown) { try await Answered(image) }
    }
}
