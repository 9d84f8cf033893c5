public import ArgumentParser
public import Captioning
import Inference
import Jobs
import Models

/// `docent caption`: every image below the given paths gets its caption, once.
struct CaptionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "caption", abstract: "Caption images: directories (with all below them), files and globs.",
        discussion: """
            Without --output and --sidecar one line, path<TAB>caption, is printed for each image. A run that was \
            interrupted or killed goes on when the same command is given again; images that failed are tried once more.

            Exit status: 0 everything captioned; 2 some images failed; 3 nothing to do; 64 usage; 1 anything else.
            """)

    @Argument(help: "Directories, files, and globs that the shell did not expand.")
    var paths: [String]

    @OptionGroup var recipeOptions: RecipeOptions

    @Option(
        help: ArgumentHelp(
            "One row for every image, and FILE.failures.jsonl beside it.", valueName: "file.jsonl|file.csv"))
    var output: String?

    @Option(help: "A file beside each image: a.jpg.txt, a.jpg.json, or none.")
    var sidecar: SidecarFormat?

    @Option(help: "Captions that are there already: skip unless the image changed, overwrite, or append.")
    var existing: ExistingPolicy?

    @Option(
        help: ArgumentHelp("Let this docent server do the work.", valueName: "url"), transform: ServerClient.base(of:))
    var server: String?

    @Flag(help: "Tell at the end where the time went: images, model, database, outputs.")
    var timings = false

    @OptionGroup var modelOptions: ModelOptions
    @OptionGroup var databaseOptions: DatabaseOptions
    @OptionGroup var imageLimits: ImageLimitOptions

    func validate() throws {
        do {
            try DirectoryWalker().check(paths)
            let settings = try settings
            if let problem = settings.recipe.outOfRange { throw ValidationError("\(problem).") }
            if let output, ![".jsonl", ".csv"].contains(where: output.hasSuffix) {
                throw CaptionError.unknownOutputFormat(path: output)
            }
            if settings.existing == .append, settings.sidecar == .json { throw CaptionError.appendToJSONSidecar }
        } catch let error as CaptionError {
            throw ValidationError(error.description)
        }
    }

    func run() async throws {
        let reporter = Self.reporter
        let walk = try DirectoryWalker().walk(paths)
        let summary: CaptionSummary
        if walk.images.isEmpty {
            let run = try CaptionRun(walk, settings: try settings, reporter: reporter) { _ in }
            _ = try await run.plan()
            summary = try await run.finish()
        } else if let server {
            summary = try await captionThere(server, walk, reporter)
        } else {
            summary = try await captionHere(walk, reporter)
        }
        if summary.exitStatus != 0 { throw ExitCode(summary.exitStatus) }
    }

    /// In this process; or, when a server owns the database, there.
    private func captionHere(_ walk: Walk, _ reporter: ProgressReporter) async throws -> CaptionSummary {
        let store: JobStore
        switch try await databaseOptions.openOrFindServer(reporter.message) {
        case .here(let opened): store = opened
        case .server(let url):
            reporter.message("The database belongs to the server at \(url), which is given the work.")
            return try await captionThere(url, walk, reporter)
        }
        let captioning = QueueCaptioning(
            store: store, modelOptions: modelOptions, imageLimits: imageLimits.limits, tellsTimings: timings)
        do {
            let summary = try await captioning.caption(walk, try settings, reporter)
            try await store.close()
            return summary
        } catch {
            try? await store.close()
            throw error
        }
    }

    private func captionThere(_ url: String, _ walk: Walk, _ reporter: ProgressReporter) async throws -> CaptionSummary
    {
        if timings { reporter.message("There are no --timings of a server's work.") }
        return try await ServerClient.connected(to: url) { server in
            try await ServerCaptioning(server: server).caption(walk, try settings, modelOptions, reporter)
        }
    }

    private var settings: CaptionSettings {
        get throws {
            let asked = recipeOptions
            var recipe =
                if let prompt = asked.prompt { try Recipe(prompt: prompt) } else {
                    try RecipeLibrary.recipe(asked.recipe ?? RecipeLibrary.defaultName)
                }
            if let maxTokens = asked.maxTokens { recipe.sampling.maxTokens = maxTokens }
            if let temperature = asked.temperature { recipe.sampling.temperature = temperature }
            if let maxTiles = asked.maxTiles { recipe.maxTiles = maxTiles }
            return CaptionSettings(recipe: recipe, roots: paths, output: output, sidecar: sidecar, existing: existing)
        }
    }

    private static var reporter: ProgressReporter {
        let start = ContinuousClock.now
        let style = StandardStream.error.terminalWidth.map(ProgressStyle.terminal(width:)) ?? .jsonLines
        return ProgressReporter(style: style, now: { ContinuousClock.now - start }, write: StandardStream.error.write)
    }
}

extension SidecarFormat: ExpressibleByArgument {}
extension ExistingPolicy: ExpressibleByArgument {}
