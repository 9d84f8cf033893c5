import FoundationEssentials

/// How progress is shown: a line that is drawn over itself for a person, events for a program.
public enum ProgressStyle: Sendable, Hashable {
    case terminal(width: Int)
    case jsonLines

    /// What to write for the state of things now.
    func progress(_ progress: Progress, now: Duration) -> String {
        switch self {
        case .terminal(let width): "\r" + Self.line(progress, now, width: width) + "\u{1B}[K"
        case .jsonLines: ProgressText.line(Event(progress, now))
        }
    }

    /// An image failed.
    func failure(_ failure: ImageFailure) -> String {
        switch self {
        case .terminal:
            "\r\u{1B}[K\(failure.path.spellingOutControls): \(failure.message.spellingOutControls) (\(failure.code))\n"
        case .jsonLines: ProgressText.line(FailureEvent(failure))
        }
    }

    /// Something a person should know.
    func message(_ text: String) -> String {
        switch self {
        case .terminal: "\r\u{1B}[K\(text)\n"
        case .jsonLines: ProgressText.line(MessageEvent(message: text))
        }
    }

    /// `text` for a person, `event` for a program.
    func told(_ text: String, event: some Encodable) -> String {
        switch self {
        case .terminal: message(text)
        case .jsonLines: ProgressText.line(event)
        }
    }

    func summary(_ summary: CaptionSummary) -> String {
        switch self {
        case .terminal: message(summary.sentence)
        case .jsonLines: ProgressText.line(SummaryEvent(summary))
        }
    }

    /// `[####------] 12/40  3 failed  1.9 images/s  41 tokens/s  15 s left`, the bar as wide as there is room.
    private static func line(_ progress: Progress, _ now: Duration, width: Int) -> String {
        var facts = ["\(progress.done)/\(progress.total)"]
        if progress.failed > 0 { facts.append("\(progress.failed) failed") }
        facts.append(oneDecimal(progress.imagesPerSecond(now: now)) + " images/s")
        facts.append("\(Int(progress.tokensPerSecond(now: now).rounded())) tokens/s")
        if let rest = progress.remainingTime(now: now), progress.done < progress.total {
            facts.append(ProgressText.words(rest) + " left")
        }
        let share = progress.total > 0 ? Double(progress.done) / Double(progress.total) : 0
        return ProgressText.bar(share, facts, width: width)
    }

    static func oneDecimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

private struct Event: Encodable {
    let event = "progress"
    let done, total, captioned, failed, skipped, completion_tokens: Int
    let images_per_second, tokens_per_second: Double
    let eta_seconds: Double?

    init(_ progress: Progress, _ now: Duration) {
        done = progress.done
        total = progress.total
        captioned = progress.captioned
        failed = progress.failed
        skipped = progress.skipped
        completion_tokens = progress.completionTokens
        images_per_second = Self.rounded(progress.imagesPerSecond(now: now))
        tokens_per_second = Self.rounded(progress.tokensPerSecond(now: now))
        eta_seconds = progress.remainingTime(now: now).map { Self.rounded($0 / .seconds(1)) }
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}

private struct FailureEvent: Encodable {
    let event = "failed"
    let path, code, message: String

    init(_ failure: ImageFailure) {
        path = failure.path
        code = failure.code
        message = failure.message
    }
}

private struct MessageEvent: Encodable {
    let event = "message"
    let message: String
}

private struct SummaryEvent: Encodable {
    let event = "summary"
    let found, captioned, skipped, failed, remaining: Int

    init(_ summary: CaptionSummary) {
        found = summary.found
        captioned = summary.captioned
        skipped = summary.skipped
        failed = summary.failed
        remaining = summary.remaining
    }
}
