import ArgumentParser
import Captioning
import FoundationEssentials
import Jobs

/// `docent jobs submit`: hands a directory of the server, or addresses, to a server as a job of its own.
struct JobSubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Let a server caption a directory of its own, or images at addresses.",
        discussion: """
            The server reads the images itself: the directory must be inside one that it was given with --allow-root, \
            addresses must be http or https. The command returns at once; watch and results tell the rest.
            """)
    @OptionGroup var options: JobsOptions

    @Argument(help: "One directory of the server, or addresses.")
    var images: [String]

    @OptionGroup var recipeOptions: RecipeOptions

    @Option(help: "interactive (before bulk) or bulk.")
    var priority: PriorityName?

    @Option(help: "What the job is called in lists.")
    var label: String?

    func validate() throws {
        guard images.count == 1 || images.allSatisfy(Self.isAddress) else {
            throw ValidationError("Give one directory, or addresses that begin with http:// or https://.")
        }
    }

    func run() async throws {
        guard let url = options.serverURL else { throw CommandError.noServer(path: options.databaseOptions.path) }
        let body = try body()
        let job = try await ServerClient.connected(to: url) {
            try await $0.post("/v1/jobs", body: body, as: JobView.self)
        }
        if options.json { try JSONOutput.print(job) } else { try StandardStream.output.writeLine(job.line) }
    }

    private func body() throws -> [UInt8] {
        var order = Order(
            prompt: recipeOptions.prompt, max_tokens: recipeOptions.maxTokens, temperature: recipeOptions.temperature,
            max_tiles: recipeOptions.maxTiles, priority: priority, label: label)
        if images.allSatisfy(Self.isAddress) { order.urls = images } else { order.path = Self.absolute(images[0]) }
        var json = String(decoding: try JSONEncoder().encode(order), as: UTF8.self)
        if let question = try question() { json = #"{"recipe":\#(question),"# + json.dropFirst() }
        return Array(json.utf8)
    }

    /// A name in quotes, or the text of a recipe's file, which is an object; nil when there is a prompt.
    private func question() throws -> String? {
        guard recipeOptions.prompt == nil else { return nil }
        let reference = recipeOptions.recipe ?? RecipeLibrary.defaultName
        guard reference.hasSuffix(".json") else {
            return String(decoding: try JSONEncoder().encode(reference), as: UTF8.self)
        }
        // Read as a recipe first: a file that is none would end as an odd error of the server.
        _ = try RecipeLibrary.recipe(reference)
        return String(decoding: FileManager.default.contents(atPath: reference) ?? Data(), as: UTF8.self)
    }

    private struct Order: Encodable {
        var prompt: String?
        var max_tokens: Int?
        var temperature: Float?
        var max_tiles: Int?
        var priority: PriorityName?
        var label: String?
        var path: String?
        var urls: [String]?
    }

    private static func isAddress(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    /// The server has another working directory.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
