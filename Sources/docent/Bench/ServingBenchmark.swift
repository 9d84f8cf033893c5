import Compute
import Inference
import Models
import Synchronization

/// Times an engine that several requests want at once: how many it answers, and what each notices of the others.
struct ServingBenchmark {
    typealias Figure = BenchReport.Figure

    let model: LoadedModel
    let backend: any Backend
    /// What every request shows, under ever new names.
    private let image: ProcessedImage
    private let numbers = Numbers()

    init(model: LoadedModel, backend: any Backend) throws {
        self.model = model
        self.backend = backend
        image = try BenchPrompts(model: model).image(0)
    }

    private final class Numbers: Sendable {
        private let last = Atomic(0)

        func next() -> Int { last.add(1, ordering: .relaxed).newValue }
    }

    private final class Flag: Sendable {
        private let raised = Atomic(false)

        var isRaised: Bool { raised.load(ordering: .acquiring) }
        func raise() { raised.store(true, ordering: .releasing) }
    }

    private func question() -> Prompt {
        BenchPrompts(model: model).question(about: image.renamed(numbers.next()))
    }

    private func withEngine<Value>(_ body: (Engine) async throws -> Value) async throws -> Value {
        let engine = try Engine(model: model, backend: backend)
        let value = try await body(engine)
        await engine.shutdown(.cancel)
        return value
    }

    /// Answers a second of 64 tokens each about a picture, `concurrency` clients that ask again when they are answered.
    func requests(concurrency: Int, each: Int = 3) async throws -> Figure {
        let elapsed = try await withEngine { engine in
            let start = ContinuousClock.now
            try await withThrowingTaskGroup { group in
                for _ in 0..<concurrency {
                    group.addTask {
                        for _ in 0..<each { try await engine.answer(question(), tokens: 64, priority: .interactive) }
                    }
                }
                try await group.waitForAll()
            }
            return ContinuousClock.now - start
        }
        return Figure(
            name: "serving, \(concurrency) at once", value: Double(concurrency * each) / (elapsed / .seconds(1)),
            unit: "requests/s", spread: 0)
    }

    /// The speed of one answer, first alone and then while the images of others are encoded.
    func answerBesideEncoding(images: Int = 4) async throws -> [Figure] {
        let (warmUp, alone) = (32, 128)
        return try await withEngine { engine in
            let encoded = Flag()
            let prompt = Prompt(tokens: BenchPrompts(model: model).words(32))
            let longest = engine.maxSequenceTokens - prompt.tokens.count
            var times: [ContinuousClock.Instant] = []
            var others: Task<Void, any Error>?
            for try await case .delta in engine.stream(prompt, tokens: longest, priority: .interactive) {
                times.append(.now)
                if encoded.isRaised { break }
                guard times.count == warmUp + alone else { continue }
                others = Task {
                    defer { encoded.raise() }
                    try await showAll(images, engine)
                }
            }
            try await others?.value
            let start = times[warmUp + alone - 1]
            let aloneSpeed = Double(alone) / ((start - times[warmUp - 1]) / .seconds(1))
            let during = times[(warmUp + alone - 1)...]
            let speed = Double(during.count - 1) / ((during[during.endIndex - 1] - start) / .seconds(1))
            let waits = zip(during.dropFirst(), during).map { $0 - $1 }
            return [
                Figure(name: "answer alone", value: aloneSpeed, unit: "tok/s", spread: 0),
                Figure(name: "answer while \(images) images are encoded", value: speed, unit: "tok/s", spread: 0),
                Figure(name: "  slower by", value: aloneSpeed / speed, unit: "×", spread: 0),
                Figure(
                    name: "  longest wait for a token", value: (waits.max() ?? .zero) / .milliseconds(1), unit: "ms",
                    spread: 0),
            ]
        }
    }

    private func showAll(_ images: Int, _ engine: Engine) async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<images {
                group.addTask { try await engine.answer(question(), tokens: 1, priority: .interactive) }
            }
            try await group.waitForAll()
        }
    }

    /// Time to the first token of a question about a picture: alone, then during a bulk run of `bulk` at once.
    func firstToken(samples: Int = 16, bulk: Int = 16) async throws -> [Figure] {
        try await withEngine { engine in
            let alone = try await firstTokens(samples / 2, engine, pauses: false)
            let busy = try await withThrowingTaskGroup { group in
                let first = AsyncStream<Void>.makeStream()
                for _ in 0..<bulk {
                    group.addTask {
                        while !Task.isCancelled {
                            try await engine.answer(question(), tokens: 64, priority: .bulk)
                            first.continuation.yield()
                        }
                    }
                }
                // From here on the run is in full swing: some are encoded while others are written.
                for await _ in first.stream { break }
                let times = try await firstTokens(samples, engine, pauses: true)
                group.cancelAll()
                return times
            }
            let ratio = busy.median.value / alone.median.value
            return alone.figures("idle") + busy.figures("bulk run")
                + [Figure(name: "  later by", value: ratio, unit: "×", spread: 0)]
        }
    }

    private func firstTokens(_ samples: Int, _ engine: Engine, pauses: Bool) async throws -> Distribution {
        var times: [Duration] = []
        for sample in 0..<samples {
            // Uneven, so that arrivals fall on every part of the bulk run's rhythm.
            if pauses { try await Task.sleep(for: .milliseconds(400 + sample * 617 % 1000)) }
            times += try await engine.answer(question(), tokens: 8, priority: .interactive).prefix(1)
        }
        return Distribution(times)
    }
}

/// Times in order.
private struct Distribution {
    private let milliseconds: [Double]

    init(_ times: [Duration]) { milliseconds = times.map { $0 / .milliseconds(1) }.sorted() }

    private func quantile(_ part: Double) -> Double {
        milliseconds[Int((Double(milliseconds.count - 1) * part).rounded())]
    }

    var median: (value: Double, spread: Double) {
        let median = quantile(0.5)
        return (median, (quantile(1) - quantile(0)) / 2 / median)
    }

    func figures(_ name: String) -> [BenchReport.Figure] {
        [("median", 0.5, median.spread), ("90th of 100", 0.9, 0), ("longest", 1, 0)].map { title, part, spread in
            BenchReport.Figure(
                name: "first token, \(name), \(title)", value: quantile(part), unit: "ms", spread: spread)
        }
    }
}
