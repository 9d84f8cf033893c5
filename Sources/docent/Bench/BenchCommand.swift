import ArgumentParser
import Compute
import Foundation
import Models

/// `docent bench`: how fast this machine runs a model.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure prefill, decode, vision encoding, images a second, serving and the queue.",
        discussion: """
            With --random-weights a configuration is timed without its checkpoint: speed only, the words mean nothing. The \
            queue is measured in a folder beside the database, because the disk decides; --only queue needs no model.
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(help: ArgumentHelp("Time this configuration with made-up weights.", valueName: "config.json"))
    var randomWeights: String?

    @Option(help: "Repetitions of each figure; the median is printed.")
    var repetitions = 5

    @Option(help: "Measure only this part: prefill, decode, encode, whole, serving or queue.")
    var only: Part?

    @OptionGroup var databaseOptions: DatabaseOptions

    @Option(help: ArgumentHelp("Also write the figures to this file.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Print ratios against figures written before.", valueName: "file"))
    var compare: String?

    func validate() throws {
        guard repetitions > 0 else { throw ValidationError("--repetitions must be at least 1") }
    }

    func run() async throws {
        let old = try compare.map { path in
            try JSONDecoder().decode(BenchReport.self, from: Data(contentsOf: URL(filePath: path)))
        }
        let report = only == .queue ? try await queueReport() : try await modelReport()
        try StandardStream.output.writeLine(report.table)
        if let old { try StandardStream.output.writeLine(report.compared(with: old)) }
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try encoder.encode(report).write(to: URL(filePath: json), options: .atomic)
        }
    }

    private static var today: String { Date.now.formatted(.iso8601.year().month().day()) }

    private func queueReport() async throws -> BenchReport {
        BenchReport(
            date: Self.today, model: "the queue", backend: "\(ProcessInfo.processInfo.activeProcessorCount) cores",
            weights: "no", parameters: 0, figures: try await queue())
    }

    private func modelReport() async throws -> BenchReport {
        let start = ContinuousClock.now
        let backend = try modelOptions.makeBackend()
        let model =
            if let randomWeights {
                try ModelLoader.random(
                    configuration: randomWeights, backend: backend, options: modelOptions.loadOptions, type: .bf16)
            } else {
                try modelOptions.load(on: backend)
            }
        let load = BenchReport.Figure(
            name: "load", value: (ContinuousClock.now - start) / .milliseconds(1), unit: "ms", spread: 0,
            peakBytes: ResidentMemory.peak)
        var report = BenchReport(
            date: Self.today, model: model.card.name, backend: backend.name, weights: "\(modelOptions.quantize)",
            parameters: model.card.parameterCount, weightBytes: model.card.weightBytes)
        let benchmark = ModelBenchmark(model: model, backend: backend, repetitions: repetitions)
        report.figures = [load] + (try await figures(benchmark))
        return report
    }

    private func queue() async throws -> [BenchReport.Figure] {
        let folder = URL(filePath: databaseOptions.path).deletingLastPathComponent().path
        return try await QueueBenchmark(in: folder).figures()
    }

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case prefill, decode, encode, whole, serving, queue

        var needsImages: Bool { self == .encode || self == .whole || self == .serving }
    }

    private func figures(_ benchmark: ModelBenchmark) async throws -> [BenchReport.Figure] {
        var figures: [BenchReport.Figure] = []
        for part in only.map({ [$0] }) ?? Part.allCases {
            if part.needsImages, !benchmark.model.processor.takesImages {
                StandardStream.error.writeLine("\(part): skipped, the model takes no images")
                continue
            }
            switch part {
            case .prefill: figures += try [164, 512].map { length in try watched { try benchmark.prefill(length) } }
            case .decode:
                let bandwidth = try (benchmark.backend as? CPUBackend)?.measureReadBandwidth()
                figures += try [1, 4, 8].map { batch in
                    try watched { try benchmark.decode(batch: batch, bandwidth: bandwidth) }
                }
            case .encode: figures.append(try watched { try benchmark.encode() })
            case .whole:
                ResidentMemory.forgetPeak()
                var figure = try await benchmark.endToEnd(images: 8, concurrency: 4, tokens: 64)
                figure.peakBytes = ResidentMemory.peak
                figures.append(figure)
            case .serving: figures += try await serving(benchmark)
            case .queue: figures += try await queue()
            }
        }
        return figures
    }

    private func serving(_ benchmark: ModelBenchmark) async throws -> [BenchReport.Figure] {
        let serving = try ServingBenchmark(model: benchmark.model, backend: benchmark.backend)
        return try await [serving.requests(concurrency: 4), serving.requests(concurrency: 8)]
            + serving.answerBesideEncoding() + serving.firstToken()
    }

    /// The figure of `body` with the most memory that it took.
    private func watched(_ body: () throws -> BenchReport.Figure) rethrows -> BenchReport.Figure {
        ResidentMemory.forgetPeak()
        var figure = try body()
        figure.peakBytes = ResidentMemory.peak
        return figure
    }
}
