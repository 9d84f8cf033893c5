/// How often values fell into ranges: Prometheus' histogram.
public struct Histogram: Sendable, Hashable {
    /// Upper ends of the ranges, ascending, each inclusive; what is greater than all of them has a range of its own.
    public let bounds: [Double]
    /// One for each of `bounds` and one beyond; not cumulative.
    public private(set) var counts: [Int]
    public private(set) var sum = 0.0

    public init(bounds: [Double]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    public var count: Int { counts.reduce(0, +) }

    public mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }

    public mutating func observe(_ time: Duration) { observe(time / .seconds(1)) }
}

// vLLM's bounds, so that dashboards made for it draw the same.
extension Histogram {
    static let firstToken = Histogram(bounds: [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
        2560,
    ])
    static let betweenTokens = Histogram(bounds: [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
    ])
    static let latency = Histogram(bounds: [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ])
    /// 1, 2, 5, 10, … tokens.
    static let tokens = Histogram(
        bounds: [1, 10, 100, 1_000, 10_000, 100_000].flatMap { [$0, 2 * $0, 5 * $0] })
}
