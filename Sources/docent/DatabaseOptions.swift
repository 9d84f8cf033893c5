import ArgumentParser
import FoundationEssentials
import Jobs

/// Which database holds the queue.
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The queue's database; docent.sqlite in $DOCENT_HOME, $XDG_STATE_HOME/docent or ~/.local/state/docent unless given.",
            valueName: "file"))
    var database: String?

    var path: String { database ?? Self.defaultPath(ProcessInfo.processInfo.environment) }

    /// Opens the store, and makes the folder of the default place if it is missing.
    func open() throws -> JobStore {
        if database == nil {
            let folder = String(path.dropLast("/docent.sqlite".count))
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        return try JobStore(path: path)
    }

    static func defaultPath(_ environment: [String: String]) -> String {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let folder =
            value("DOCENT_HOME") ?? value("XDG_STATE_HOME").map { $0 + "/docent" }
            ?? (value("HOME") ?? FileManager.default.homeDirectoryForCurrentUser.path) + "/.local/state/docent"
        return folder + "/docent.sqlite"
    }
}
