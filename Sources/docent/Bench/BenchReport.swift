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
        /// Most memory in RAM while it was measured, and what of it the KV cache may have filled.
        var peakBytes: Int?
        var cacheBytes: Int?
        /// The value that the memory's bandwidth would allow.
        var bound: Double?

        var isBetterWhenHigher: Bool { unit.hasSuffix("/s") }
    }

    var date: String
    var model: String
    var backend: String
    var weights: String
    var parameters: Int
    /// Of the weights as the backend holds them.
    var weightBytes: Int?
    var figures: [Figure] = []

    var table: String {
        let size = weightBytes.map { " of \(megabytes($0))" } ?? ""
        let what = parameters == 0 ? model : "\(model), \(weights) weights\(size)"
        let heading = "\(what), \(backend), \(date)\n"
        return figures.reduce(heading) { text, figure in
            text + pad(figure.name, 40) + pad(format(figure.value), 10, right: true) + " " + pad(figure.unit, 11)
                + pad("± \(Int((figure.spread * 100).rounded())) %", 8) + bound(of: figure) + memory(of: figure) + "\n"
        }
    }

    /// "83 % of 217": the share of what the memory's bandwidth allows.
    private func bound(of figure: Figure) -> String {
        guard let bound = figure.bound, bound > 0 else { return "" }
        return "\(Int((figure.value / bound * 100).rounded())) % of the memory's \(format(bound)), "
    }

    /// "peak 612 MB, 1.19 × weights": the peak, and how much of it that is not KV cache exceeds the weights.
    private func memory(of figure: Figure) -> String {
        guard let peak = figure.peakBytes else { return "" }
        let text = "peak \(megabytes(peak))"
        guard let weightBytes, weightBytes > 0 else { return text }
        let ratio = Double(peak - (figure.cacheBytes ?? 0)) / Double(weightBytes)
        return text + String(format: ", %.2f × weights", ratio) + (figure.cacheBytes == nil ? "" : " + KV")
    }

    private func megabytes(_ bytes: Int) -> String { "\((bytes + 500_000) / 1_000_000) MB" }

    /// This report beside an older one; a ratio above 1 is better now, whatever the unit.
    func compared(with old: BenchReport) -> String {
        let before = Dictionary(old.figures.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let heading = pad("", 40) + pad("before", 10, right: true) + pad("now", 10, right: true) + "  better by\n"
        return figures.reduce(heading) { text, figure in
            guard let value = before[figure.name], value > 0, figure.value > 0 else { return text }
            let ratio = figure.isBetterWhenHigher ? figure.value / value : value / figure.value
            return text + pad(figure.name, 40) + pad(format(value), 10, right: true)
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
