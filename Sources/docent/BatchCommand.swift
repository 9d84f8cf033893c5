import ArgumentParser
import FoundationEssentials
import HTTPAPI
import Jobs
import Models

/// `docent batch`: a file of chat requests is answered here, without a server.
struct BatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch", abstract: "Answer a file of requests, as OpenAI's Batch API and vllm run-batch take it.",
        discussion: """
            Each line is {"custom_id": …, "method": "POST", "url": "/v1/chat/completions", "body": {…}}. Answers go to \
            --output as OpenAI writes them, in the order of the lines; what failed goes to OUTPUT.errors.jsonl beside \
            it. A run that was interrupted or killed goes on when the same file is given again; requests that failed \
            are tried once more.

            Exit status: 0 everything answered; 2 some requests failed; 3 nothing to do; 64 usage; 1 anything else.
            """)

    @Argument(help: "The file of requests.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Where the answers go; FILE.output.jsonl beside the file unless given.", valueName: "file.jsonl"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Hosts, separated by commas, from which images are fetched although their addresses are private.",
            valueName: "hosts"))
    var allowHosts: String?

    @OptionGroup var modelOptions: ModelOptions
    @OptionGroup var databaseOptions: DatabaseOptions
    @OptionGroup var imageLimits: ImageLimitOptions

    func validate() throws {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory), !isDirectory else {
            throw ValidationError("There is no file \(file).")
        }
        guard paths.output.hasSuffix(".jsonl"), paths.output != file else {
            throw ValidationError("--output is \(paths.output), expected another file that ends in .jsonl.")
        }
        _ = try policy()
    }

    func run() async throws {
        let store: JobStore
        switch try await databaseOptions.openOrFindServer(StandardStream.error.writeLine) {
        case .here(let opened): store = opened
        case .server(let url): throw CommandError.serverHasDatabase(path: databaseOptions.path, url: url)
        }
        let batch = QueueBatch(
            store: store, modelOptions: modelOptions, imageLimits: imageLimits.limits, policy: try policy(),
            tell: StandardStream.error.writeLine)
        let outcome: QueueBatch.Outcome
        do {
            outcome = try await batch.answer(file, output: paths.output, errors: paths.errors)
            try await store.close()
        } catch {
            try? await store.close()
            throw error
        }
        if outcome.exitStatus != 0 { throw ExitCode(outcome.exitStatus) }
    }

    /// a.jsonl's answers are in a.output.jsonl, and its errors in a.output.errors.jsonl.
    private var paths: (output: String, errors: String) {
        let suffix = ".jsonl"
        let output =
            output ?? (file.hasSuffix(suffix) ? String(file.dropLast(suffix.count)) : file) + ".output" + suffix
        return (
            output, (output.hasSuffix(suffix) ? String(output.dropLast(suffix.count)) : output) + ".errors" + suffix
        )
    }

    private func policy() throws -> FetchPolicy {
        var policy = FetchPolicy()
        policy.maxBytes = imageLimits.limits.maxBytes
        do { policy.allowedHosts = try FetchPolicy.hosts(in: allowHosts ?? "") } catch {
            throw ValidationError("--allow-hosts: \(error).")
        }
        return policy
    }
}
