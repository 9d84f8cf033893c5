import FoundationEssentials
import Logging

/// One JSON object a line on standard error, for programs that gather logs.
struct JSONLinesLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        StandardStream.error.writeLine(
            Self.line(label, event.level, "\(event.message)", merged(event.metadata), at: Date()))
    }

    private func merged(_ explicit: Logger.Metadata?) -> Logger.Metadata {
        metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(explicit ?? [:]) { $1 }
    }

    private struct Line: Encodable {
        let time: String
        let level: String
        let label: String
        let message: String
        let metadata: [String: String]
    }

    /// Metadata of any shape becomes texts; keys are sorted.
    static func line(
        _ label: String, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, at time: Date
    ) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = Line(
            time: time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)), level: level.rawValue,
            label: label,
            message: message, metadata: metadata.mapValues { "\($0)" })
        return (try? encoder.encode(line)).map { String(decoding: $0, as: UTF8.self) } ?? message
    }
}
