import ArgumentParser
import FoundationEssentials
import Models

/// `docent models`: which checkpoints are at hand, and what one is.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "List checkpoints, look into them and fetch them.",
        subcommands: [List.self, Inspect.self, PullCommand.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the checkpoints on this machine.",
            discussion: """
                Looks at the model that comes with docent, and for folders and GGUF files in $DOCENT_HOME/models and in \
                the Hugging Face cache.
                """)

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

        @Argument(help: "The checkpoint's folder, a GGUF file, or a model's name in the Hugging Face cache.")
        var model: String

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let inspection = CheckpointInspection(of: try ModelPlace(model).path)
            if json { try JSONOutput.print(inspection) } else { try StandardStream.output.writeLine(inspection.report) }
            if !inspection.isRunnable { throw ExitCode(1) }
        }
    }
}
