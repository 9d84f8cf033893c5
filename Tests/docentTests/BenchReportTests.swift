import Foundation
import Testing

@testable import docent

@Suite struct BenchReportTests {
    private func report(_ figures: (String, Double, String)...) -> BenchReport {
        BenchReport(
            date: "2026-11-24", model: "m", backend: "cpu", weights: "none", parameters: 1,
            figures: figures.map { .init(name: $0.0, value: $0.1, unit: $0.2, spread: 0.02) })
    }

    @Test func `a ratio above one is better, for rates and for times`() {
        let old = report(("decode", 100, "tok/s"), ("encode", 800, "ms"), ("gone", 1, "ms"))
        let new = report(("decode", 150, "tok/s"), ("encode", 400, "ms"), ("new", 1, "ms"))
        let lines = new.compared(with: old).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasSuffix("× 1.500"))
        #expect(lines[2].hasSuffix("× 2.000"))
    }

    @Test func `the table has a line for each figure, with its unit and spread`() {
        let table = report(("decode, batch 1", 139.25, "tok/s")).table
        #expect(table.contains("139.2 tok/s"))
        #expect(table.contains("± 2 %"))
    }

    @Test func `the peak is held against the weights, without what the KV cache takes`() {
        var report = report(("decode", 100, "tok/s"), ("encode", 800, "ms"))
        report.weightBytes = 500_000_000
        report.figures[0].peakBytes = 700_000_000
        report.figures[0].cacheBytes = 100_000_000
        report.figures[1].peakBytes = 550_000_000
        let lines = report.table.split(separator: "\n")
        #expect(lines[0].contains("500 MB"))
        #expect(lines[1].hasSuffix("peak 700 MB, 1.20 × weights + KV"))
        #expect(lines[2].hasSuffix("peak 550 MB, 1.10 × weights"))
    }

    @Test func `reports of before memory was measured can still be compared with`() throws {
        let old = #"""
            {"date":"d","model":"m","backend":"b","weights":"none","parameters":1,
            "figures":[{"name":"decode","value":50,"unit":"tok/s","spread":0}]}
            """#
        let decoded = try JSONDecoder().decode(BenchReport.self, from: Data(old.utf8))
        #expect(report(("decode", 100, "tok/s")).compared(with: decoded).contains("× 2.000"))
    }

    @Test func `a peak can be forgotten`() throws {
        withUnsafeTemporaryAllocation(byteCount: 256 << 20, alignment: 4096) { bytes in
            for page in stride(from: 0, to: bytes.count, by: 4096) { bytes[page] = 1 }
        }
        let peak = try #require(ResidentMemory.peak)
        #expect(peak > 256 << 20)
        ResidentMemory.forgetPeak()
        #expect(try #require(ResidentMemory.peak) < peak - (128 << 20))
    }
}
