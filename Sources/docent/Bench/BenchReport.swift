import Foundation

/// What `docent bench` measured: where, with what, and one figure a line.
struct BenchReport: Codable {
    struct Figure: Codable {
        /// "decode, batch 4": the key when two reports are compared.
        var name: String
        var value: Double
        /// "tok/s", "images/s", "ms".
        var unit: String
        /// How far apart the repetitions were, as a share of the median.
        var spread: Double

        var isBetterWhenHigher: Bool { unit.hasSuffix("/s") }
    }

    var date: String
    var model: String
    var backend: String
    var weights: String
    var parameters: Int
    var figures: [Figure] = []

    var table: String {
        let heading = "\(model), \(weights) weights, \(backend), \(date)\n"
        return figures.reduce(heading) { text, figure in
            text + pad(figure.name, 36) + pad(format(figure.value), 10, right: true) + " " + pad(figure.unit, 11)
                + "± \(Int((figure.spread * 100).rounded())) %\n"
        }
    }

    /// This report beside an older one; a ratio above 1 is better now, whatever the unit.
    func compared(with old: BenchReport) -> String {
        let before = Dictionary(old.figures.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let heading = pad("", 36) + pad("before", 10, right: true) + pad("now", 10, right: true) + "  better by\n"
        return figures.reduce(heading) { text, figure in
            guard let value = before[figure.name], value > 0, figure.value > 0 else { return text }
            let ratio = figure.isBetterWhenHigher ? figure.value / value : value / figure.value
            return text + pad(figure.name, 36) + pad(format(value), 10, right: true)
                + pad(format(figure.value), 10, right: true) + "  × \(format(ratio))\n"
        }
    }

    private func format(_ value: Double) -> String {
        String(format: value < 10 ? "%.3f" : "%.1f", value)
    }

    private func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: max(width - text.count, 0))
        return right ? space + text : text + space
    }
}
