import ArgumentParser
import FoundationEssentials
import ModelHub

/// `docent models pull`: fetches a checkpoint from a hub.
struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch a checkpoint from the Hugging Face hub, or one that is like it.",
        discussion: """
            Puts what docent needs of a model into the Hugging Face cache, checked by its hashes, and prints where it is; \
            --model OWNER/NAME finds it there. What was interrupted goes on when the same command is given again.

            Heeds HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE, HF_HOME and HF_HUB_OFFLINE. Exit status: 0 it is there; 64 usage; \
            1 anything else.
            """)

    @Argument(
        help: "OWNER/NAME, or one of its files, OWNER/NAME/FILE.gguf; @REVISION may follow.",
        transform: { try ModelReference($0) })
    var model: ModelReference

    @Option(help: ArgumentHelp("Files at a time.", valueName: "n"))
    var parallel = 4

    func validate() throws {
        guard (1...32).contains(parallel) else { throw ValidationError("--parallel is \(parallel), expected 1 to 32.") }
    }

    func run() async throws {
        let settings = try HubSettings(environment: ProcessInfo.processInfo.environment)
        let display = PullDisplay(
            style: StandardStream.error.terminalWidth.map(PullStyle.terminal(width:)) ?? .jsonLines)
        let pull = ModelPull(
            model, settings: settings, parallel: parallel, userAgent: "docent/\(Docent.configuration.version)",
            tell: display.take)
        let (interruption, interrupt) = AsyncStream<Void>.makeStream()
        let result = await Interrupts.watch {
            interrupt.finish()
        } during: {
            let path = try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask { try await pull.run() }
                group.addTask {
                    for await _ in interruption {}
                    try Task.checkCancellation()
                    throw CommandError.pullInterrupted
                }
                group.addTask {
                    await display.run()
                    return nil
                }
                defer { group.cancelAll() }
                while let result = try await group.next() {
                    if let result { return result }
                }
                throw CancellationError()
            }
            display.show()
            display.end()
            try StandardStream.output.writeLine(path)
        }
        if case .failure = result { display.end() }
        try result.get()
    }
}
