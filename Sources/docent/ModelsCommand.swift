import ArgumentParser
import FoundationEssentials
import Models

/// `docent models`: which checkpoints are at hand, and what one is.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "List checkpoints and look into them.", subcommands: [List.self, Inspect.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the checkpoints on this machine.",
            discussion: "Looks at the model that comes with docent, $DOCENT_HOME/models and the Hugging Face cache.")

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let found = ModelFolders(environment: ProcessInfo.processInfo.environment).all.map { folder in
                Listed(folder: folder, inspection: CheckpointInspection(of: folder))
            }
            if json { return try JSONOutput.print(found) }
            for model in found {
                let verdict =
                    model.inspection.problems.first.map { "cannot run: \($0)" } ?? model.inspection.family ?? ""
                let columns = [model.inspection.name, verdict, model.folder].map(\.printable)
                try StandardStream.output.writeLine(columns.joined(separator: "\t"))
            }
        }

        private struct Listed: Encodable {
            let folder: String
            let inspection: CheckpointInspection
        }
    }

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what a checkpoint is and whether docent can run it.",
            discussion: "Exit status: 0 docent can run it; 1 it cannot.")

        @Argument(help: "The checkpoint's folder, or a GGUF file.")
        var folder: String

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let inspection = CheckpointInspection(of: folder)
            if json { try JSONOutput.print(inspection) } else { try StandardStream.output.writeLine(inspection.report) }
            if !inspection.isRunnable { throw ExitCode(1) }
        }
    }
}

/// Where checkpoints are looked for.
struct ModelFolders {
    let environment: [String: String]

    /// Folders with a config.json, those that come first win where names are given.
    var all: [String] {
        var found: [String] = []
        if let bundled = try? DefaultModel.folder() { found.append(bundled) }
        if let home = environment["DOCENT_HOME"] {
            for folder in entries(of: home + "/models") {
                found += isCheckpoint(folder) ? [folder] : entries(of: folder)
            }
        }
        for repository in entries(of: hubCache) where repository.contains("/models--") {
            found += entries(of: repository + "/snapshots")
        }
        return found.filter(isCheckpoint)
    }

    private var hubCache: String {
        if let cache = environment["HF_HUB_CACHE"] { return cache }
        if let home = environment["HF_HOME"] { return home + "/hub" }
        return (environment["HOME"] ?? "") + "/.cache/huggingface/hub"
    }

    private func isCheckpoint(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: folder + "/config.json")
    }

    private func entries(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().map { folder + "/" + $0 }
    }
}
