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
        var environment = ProcessInfo.processInfo.environment
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == ServeCommand.configuration.commandName {
            environment = ForeignVariables(environment: environment).translated
        }
        startLogging(environment)
        StandardStream.ignoreClosedPipes()
        do {
            var command = try parseAsRoot(EnvironmentTwins(environment: environment).expand(arguments))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }

    private static func startLogging(_ environment: [String: String]) {
        let level = environment["DOCENT_LOG_LEVEL"].flatMap(Logger.Level.init(rawValue:)) ?? .warning
        let isJSON = environment["DOCENT_LOG_FORMAT"] == "json"
        LoggingSystem.bootstrap { label in
            if isJSON { return JSONLinesLogHandler(label: label, logLevel: level) }
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
    }
}
