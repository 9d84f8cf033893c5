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

    /// Who answers for a database.
    enum Opened {
        case here(JobStore)
        case server(url: String)
    }

    /// Opens the store, or finds the server that has it open; waits, telling so, for one that is still starting.
    func openOrFindServer(_ tell: (String) -> Void) async throws -> Opened {
        var hasTold = false
        while true {
            do { return .here(try open()) } catch JobStoreError.locked(let owner) {
                switch owner.service {
                case .command: throw CommandError.databaseBusy(path: path, pid: owner.pid)
                case .at(let url): return .server(url: url)
                case .starting:
                    if !hasTold {
                        tell("Waiting for the server that is starting on the database (process \(owner.pid)).")
                    }
                    hasTold = true
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }

    /// The same for those who have nothing to do in a new database.
    func openExisting(_ tell: (String) -> Void) async throws -> Opened {
        guard FileManager.default.fileExists(atPath: path) else { throw JobStoreError.noDatabase(path: path) }
        return try await openOrFindServer(tell)
    }

    /// Room for the results of accepted work when the disk is full.
    private static let ballastBytes = 64 << 20

    /// Opens the store, and makes the folder of the default place if it is missing.
    func open(_ configuration: JobStoreConfiguration = .init()) throws -> JobStore {
        if database == nil {
            let folder = String(path.dropLast("/docent.sqlite".count))
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        var configuration = configuration
        configuration.ballastBytes = Self.ballastBytes
        return try JobStore(path: path, configuration: configuration)
    }

    static func defaultPath(_ environment: [String: String]) -> String {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let folder =
            value("DOCENT_HOME") ?? value("XDG_STATE_HOME").map { $0 + "/docent" }
            ?? (value("HOME") ?? FileManager.default.homeDirectoryForCurrentUser.path) + "/.local/state/docent"
        return folder + "/docent.sqlite"
    }
}
