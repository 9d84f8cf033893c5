/// How far a run is and how fast it goes: a value that is told what happened and when.
///
/// Rates are those of the last minute, so that they follow what the run does now; captions that earlier runs left in the
/// queue count as done but not as speed.
public struct Progress: Sendable, Hashable {
    /// Images that this run sets out to caption.
    public private(set) var total: Int
    public private(set) var captioned = 0
    public private(set) var failed = 0
    /// Images that had their captions before the run.
    public private(set) var skipped: Int
    public private(set) var completionTokens = 0
    private var started: Duration
    private var recent: [Sample] = []

    /// What was finished within one second.
    private struct Sample: Hashable {
        var second: Int64
        var images: Int
        var tokens: Int
    }

    private static let window = Duration.seconds(60)

    /// `now` is the time on any clock; later times are of the same clock.
    public init(total: Int = 0, skipped: Int = 0, now: Duration = .zero) {
        self.total = total
        self.skipped = skipped
        started = now
    }

    public var done: Int { captioned + failed }

    /// A caption that was committed before this run.
    public mutating func restore() { captioned += 1 }

    public mutating func caption(tokens: Int, now: Duration) {
        captioned += 1
        completionTokens += tokens
        count(tokens: tokens, now)
    }

    public mutating func fail(now: Duration) {
        failed += 1
        count(tokens: 0, now)
    }

    public func imagesPerSecond(now: Duration) -> Double { rate(of: \.images, now) }

    public func tokensPerSecond(now: Duration) -> Double { rate(of: \.tokens, now) }

    /// Nil until there is a rate to tell it from.
    public func remainingTime(now: Duration) -> Duration? {
        let rate = imagesPerSecond(now: now)
        return rate > 0 ? .seconds(Double(max(total - done, 0)) / rate) : nil
    }

    private mutating func count(tokens: Int, _ now: Duration) {
        let second = now.components.seconds
        if recent.last?.second == second {
            recent[recent.count - 1].images += 1
            recent[recent.count - 1].tokens += tokens
        } else {
            recent.append(Sample(second: second, images: 1, tokens: tokens))
            recent.removeAll { Self.isOld($0, now) }
        }
    }

    private func rate(of what: KeyPath<Sample, Int>, _ now: Duration) -> Double {
        let span = min(now - started, Self.window) / .seconds(1)
        guard span > 0 else { return 0 }
        return Double(recent.lazy.filter { !Self.isOld($0, now) }.reduce(0) { $0 + $1[keyPath: what] }) / span
    }

    private static func isOld(_ sample: Sample, _ now: Duration) -> Bool { .seconds(sample.second) < now - window }
}
