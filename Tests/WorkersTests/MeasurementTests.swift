import Testing

@testable import Workers

struct MeasurementTests {
    @Test func `a value counts in the first range whose end it does not pass`() {
        var histogram = Histogram(bounds: [1, 2])
        for value in [0.5, 1, 1.5, 2, 7] { histogram.observe(value) }
        #expect(histogram.counts == [2, 2, 1])
        #expect(histogram.count == 5 && histogram.sum == 12)
    }

    @Test func `a choice's times are those between its moments`() {
        let start = ContinuousClock.now
        func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }
        var measured = RequestMeasurements()
        var times = ChoiceTimes(arrival: start, asked: after(1))
        times.note(in: &measured, at: after(3))
        times.note(in: &measured, at: after(4))
        times.note(in: &measured, at: after(6))
        times.finish("length", tokens: 3, in: &measured, at: after(7))
        #expect(measured.timeToFirstToken.sum == 3 && measured.prefillTime.sum == 2)
        #expect(measured.interTokenLatency.count == 2 && measured.interTokenLatency.sum == 3)
        #expect(measured.timePerOutputToken.sum == 1.5 && measured.decodeTime.sum == 3)
        #expect(measured.endToEnd.sum == 7 && measured.inferenceTime.sum == 6)
        #expect(measured.completionTokens.sum == 3 && measured.ends == ["length": 1])
    }

    @Test func `a choice without a token has no times of tokens`() {
        var measured = RequestMeasurements()
        ChoiceTimes(arrival: .now, asked: .now).finish("stop", tokens: 0, in: &measured)
        #expect(measured.ends == ["stop": 1] && measured.endToEnd.count == 1)
        #expect(measured.decodeTime.count == 0 && measured.timePerOutputToken.count == 0)
    }
}
