import FoundationEssentials

/// What all progress is written with, for a person and for a program.
package enum ProgressText {
    /// `[####------] 12/40  1.9 images/s  15 s left`: `facts` behind a bar, filled to `share` (0 to 1), as wide as there is
    /// room.
    package static func bar(_ share: Double, _ facts: [String], width: Int) -> String {
        let text = facts.joined(separator: "  ")
        let room = min(30, width - text.count - 4)
        guard room >= 5 else { return String(text.prefix(max(width - 1, 0))) }
        let filled = min(room, Int(Double(room) * share))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: room - filled) + "] " + text
    }

    /// `7 min 3 s`.
    package static func words(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min \(seconds % 60) s"
        default: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        }
    }

    /// One line of JSON.
    package static func line(_ event: some Encodable) -> String {
        guard let json = try? JSONEncoder.stable.encode(event) else { preconditionFailure("an event has a JSON form") }
        return String(decoding: json, as: UTF8.self) + "\n"
    }
}
