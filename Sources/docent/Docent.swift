import ArgumentParser
import FoundationEssentials
import Logging

/// The command. Exit status: 0 done; 2 some images (or requests) failed; 3 nothing to do; 64 usage; 1 anything else.
@main
struct Docent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "docent",
        abstract: "Captions directories of images and answers questions about images, on this machine.",
        discussion: """
            Every flag can also be given as an environment variable: DOCENT_ and its name in capitals, \
            DOCENT_MAX_TOKENS for --max-tokens. A flag on the command line wins.
            """,
        version: "0.1.0",
        subcommands: [
            CaptionCommand.self, BatchCommand.self, ServeCommand.self, JobsCommand.self, ModelsCommand.self,
            BenchCommand.self, DoctorCommand.self,
        ])

    static func main() async {
        Heap.returnLargeBlocks()
        let environment = ProcessInfo.processInfo.environment
        let level = environment["DOCENT_LOG_LEVEL"].flatMap(Logger.Level.init(rawValue:)) ?? .warning
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        StandardStream.ignoreClosedPipes()
        let arguments = EnvironmentTwins(environment: environment).expand(Array(CommandLine.arguments.dropFirst()))
        do {
            var command = try parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }
}
