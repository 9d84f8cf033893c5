import Workers

/// Metrics in Prometheus' text format, version 0.0.4.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String { case gauge, counter, summary, histogram }

    private(set) var text = ""
    /// Carried by every sample; escaped.
    private let labels: String

    init(labels: [(name: String, value: String)] = []) { self.labels = Self.text(of: labels) }

    /// A metric that has one value, or one for each set of further labels.
    mutating func add(
        _ name: String, _ kind: Kind, _ help: String,
        _ samples: [(labels: [(name: String, value: String)], value: Double)]
    ) {
        begin(name, kind, help)
        for sample in samples { line(name, Self.text(of: sample.labels), sample.value) }
    }

    mutating func gauge(_ name: String, _ help: String, _ value: Double) { add(name, .gauge, help, [([], value)]) }
    mutating func gauge(_ name: String, _ help: String, _ value: Int) { gauge(name, help, Double(value)) }
    mutating func counter(_ name: String, _ help: String, _ value: Double) { add(name, .counter, help, [([], value)]) }
    mutating func counter(_ name: String, _ help: String, _ value: Int) { counter(name, help, Double(value)) }

    /// A number of things and what they took together, in seconds.
    mutating func summary(_ name: String, _ help: String, count: Int, sum: Duration) {
        begin(name, .summary, help)
        line(name + "_sum", "", sum / .seconds(1))
        line(name + "_count", "", Double(count))
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        begin(name, .histogram, help)
        var below = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            below += count
            line(name + "_bucket", "le=\"\(Self.text(of: bound))\"", Double(below))
        }
        line(name + "_bucket", "le=\"+Inf\"", Double(histogram.count))
        line(name + "_sum", "", histogram.sum)
        line(name + "_count", "", Double(histogram.count))
    }

    /// What another text says, with its own labels; the two must not name the same metric.
    mutating func append(_ other: PrometheusText) { text += other.text }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ more: String, _ value: Double) {
        let all = [labels, more].filter { !$0.isEmpty }.joined(separator: ",")
        text += "\(name)\(all.isEmpty ? "" : "{\(all)}") \(Self.text(of: value))\n"
    }

    private static func text(of labels: [(name: String, value: String)]) -> String {
        labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        guard value.isFinite else { return value > 0 ? "+Inf" : "-Inf" }
        return Int(exactly: value).map(String.init) ?? "\(value)"
    }

    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for character in value {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
