import Captioning
import ModelHub
import Models

/// How a pull is shown: a line that is drawn over itself for a person, events for a program.
enum PullStyle: Sendable, Hashable {
    case terminal(width: Int)
    case jsonLines

    /// What to write for the state of things now.
    func progress(_ progress: PullProgress, now: Duration) -> String {
        switch self {
        case .terminal(let width): "\r" + Self.line(progress, now, width: width) + "\u{1B}[K"
        case .jsonLines: ProgressText.line(ProgressEvent(progress, now))
        }
    }

    /// What to write of `event`; nil for nothing.
    func told(_ event: PullEvent) -> String? {
        switch event {
        case .listed(let commit): told("Commit \(commit).", Event(event: "listed", commit: commit))
        // Part of the progress.
        case .needed, .received: nil
        case .present(let file, let bytes):
            // A person who pulls again need not hear of every file.
            self == .jsonLines ? ProgressText.line(Event(event: "present", file: file, bytes: bytes)) : nil
        case .resumed(let file, let bytes):
            told(
                "\(file): goes on after \(Self.size(bytes)) that are here.",
                Event(event: "resumed", file: file, bytes: bytes))
        case .finished(let file): told("\(file) is complete.", Event(event: "finished", file: file))
        case .discarded(let file, let bytes, let reason):
            told(
                "\(file): begins anew, \(reason).",
                Event(event: "discarded", file: file, bytes: bytes, message: reason))
        case .retrying(let pause, let reason):
            told(
                "\(reason) Trying again in \(ProgressText.words(pause)).",
                Event(event: "retrying", message: reason, seconds: pause / .seconds(1)))
        case .waiting(let file):
            told("\(file): another process fetches it; waiting.", Event(event: "waiting", file: file))
        }
    }

    private func told(_ text: String, _ event: Event) -> String {
        switch self {
        case .terminal: "\r\u{1B}[K\(text.printable)\n"
        case .jsonLines: ProgressText.line(event)
        }
    }

    /// `[####------] 3/9 files  1.2/16.1 GB  35.1 MB/s  7 min 3 s left`, the bar as wide as there is room.
    private static func line(_ progress: PullProgress, _ now: Duration, width: Int) -> String {
        var facts = ["\(progress.finishedFiles)/\(progress.totalFiles) files"]
        facts.append("\(size(progress.presentBytes)) of \(size(progress.totalBytes))")
        facts.append(size(Int(progress.bytesPerSecond(now: now))) + "/s")
        if let rest = progress.remainingTime(now: now), progress.presentBytes < progress.totalBytes {
            facts.append(ProgressText.words(rest) + " left")
        }
        let share = progress.totalBytes > 0 ? Double(progress.presentBytes) / Double(progress.totalBytes) : 0
        return ProgressText.bar(share, facts, width: width)
    }

    /// `1.2 GB`: powers of ten, as hubs and disks count.
    static func size(_ bytes: Int) -> String {
        let units = ["kB", "MB", "GB", "TB"]
        var (value, unit) = (Double(bytes), "B")
        for larger in units where value >= 999.95 { (value, unit) = (value / 1000, larger) }
        let tenths = Int((value * 10).rounded())
        return unit == "B" ? "\(bytes) B" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
}

private struct Event: Encodable {
    let event: String
    var commit: String?
    var file: String?
    var bytes: Int?
    var message: String?
    var seconds: Double?
}

private struct ProgressEvent: Encodable {
    let event = "progress"
    let bytes_done, bytes_total, files_done, files_total: Int
    let bytes_per_second: Double
    let eta_seconds: Double?

    init(_ progress: PullProgress, _ now: Duration) {
        bytes_done = progress.presentBytes
        bytes_total = progress.totalBytes
        files_done = progress.finishedFiles
        files_total = progress.totalFiles
        bytes_per_second = progress.bytesPerSecond(now: now).rounded()
        eta_seconds = progress.remainingTime(now: now).map { ($0 / .seconds(1) * 1000).rounded() / 1000 }
    }
}
