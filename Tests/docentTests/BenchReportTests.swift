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
}
