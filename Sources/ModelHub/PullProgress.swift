/// How far a pull is and how fast it goes: a value that is told what happened and when.
public struct PullProgress: Sendable, Hashable {
    /// Known so far: the weights are known when the index that names them has come.
    public private(set) var totalFiles = 0
    public private(set) var totalBytes = 0
    public private(set) var finishedFiles = 0
    /// Including what earlier runs left.
    public private(set) var presentBytes = 0
    private var recent: [Sample] = []
    private var started: Duration?

    /// What came within one second.
    private struct Sample: Hashable {
        var second: Int64
        var bytes: Int
    }

    /// Rates are those of the last moments, so that they follow what the network does now.
    private static let window = Duration.seconds(20)
    /// Four days, in seconds.
    private static let longestRemainder = 4.0 * 86_400

    public init() {}

    /// `now` is the time on any clock; later times are of the same clock.
    public mutating func take(_ event: PullEvent, now: Duration) {
        started = started ?? now
        switch event {
        case .needed(_, let bytes):
            totalFiles += 1
            totalBytes += bytes
        case .present(_, let bytes):
            presentBytes += bytes
            finishedFiles += 1
        case .resumed(_, let bytes): presentBytes += bytes
        case .received(let bytes):
            presentBytes += bytes
            count(bytes, now)
        case .discarded(_, let bytes, _): presentBytes -= bytes
        case .finished: finishedFiles += 1
        case .listed, .retrying, .waiting: break
        }
    }

    public func bytesPerSecond(now: Duration) -> Double {
        guard let started else { return 0 }
        let span = min(now - started, Self.window) / .seconds(1)
        guard span > 0 else { return 0 }
        return Double(recent.lazy.filter { !Self.isOld($0, now) }.reduce(0) { $0 + $1.bytes }) / span
    }

    /// Nil until there is a rate to tell it from: the first few bytes would promise years.
    public func remainingTime(now: Duration) -> Duration? {
        let seconds = Double(max(totalBytes - presentBytes, 0)) / bytesPerSecond(now: now)
        return seconds < Self.longestRemainder ? .seconds(seconds) : nil
    }

    private mutating func count(_ bytes: Int, _ now: Duration) {
        let second = now.components.seconds
        if recent.last?.second == second {
            recent[recent.count - 1].bytes += bytes
        } else {
            recent.append(Sample(second: second, bytes: bytes))
            recent.removeAll { Self.isOld($0, now) }
        }
    }

    private static func isOld(_ sample: Sample, _ now: Duration) -> Bool { .seconds(sample.second) < now - window }
}
