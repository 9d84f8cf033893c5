import ArgumentParser
import FoundationEssentials
import HTTPAPI
import Inference
import Workers

/// What a server calls its model and how much it takes on, in vLLM's words.
struct ServingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What requests call the model: names separated by commas, the first of which answers carry; its own unless given.",
            valueName: "names"))
    var servedModelName: String?

    @Option(
        help: ArgumentHelp(
            "Longest prompt and answer together, in tokens, if shorter than the model's.", valueName: "n"))
    var maxModelLen: Int?

    @Option(help: ArgumentHelp("Sequences that are generated at the same time.", valueName: "n"))
    var maxNumSeqs: Int?

    @Option(help: ArgumentHelp("Most images of one request.", valueName: "n"))
    var maxImages = ServerConfiguration().maxImages

    @Option(
        help: ArgumentHelp(
            "Origins, separated by commas, whose pages may use this server from a browser; * for all.",
            valueName: "origins"))
    var allowedOrigins: String?

    func validate() throws {
        if let maxModelLen, maxModelLen < 1 {
            throw ValidationError("--max-model-len is \(maxModelLen), expected at least 1.")
        }
        if let maxNumSeqs, !(1...4096).contains(maxNumSeqs) {
            throw ValidationError("--max-num-seqs is \(maxNumSeqs), expected 1 to 4096.")
        }
        guard (1...1024).contains(maxImages) else {
            throw ValidationError("--max-images is \(maxImages), expected 1 to 1024.")
        }
        for origin in origins where !Self.isOrigin(origin) {
            throw ValidationError("--allowed-origins has \(origin), expected something like https://example.org or *.")
        }
    }

    var names: [String] { Self.list(servedModelName) }
    var origins: [String] { Self.list(allowedOrigins) }

    var engine: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.maxSequenceTokens = maxModelLen
        if let maxNumSeqs {
            // Room for chunks of prompts beside a full batch of decodes stays what it is.
            let room = configuration.maxBatchTokens - configuration.maxSequences
            configuration.maxSequences = maxNumSeqs
            configuration.maxBatchTokens = maxNumSeqs + room
        }
        return configuration
    }

    /// Raises what is in hand at a time to what the engine runs at a time.
    func apply(to configuration: inout DispatcherConfiguration) {
        guard let maxNumSeqs else { return }
        configuration.bulkSlots = max(configuration.bulkSlots, maxNumSeqs)
        configuration.interactiveSlots = max(configuration.interactiveSlots, maxNumSeqs)
    }

    func apply(to configuration: inout ServerConfiguration) {
        configuration.maxImages = maxImages
        configuration.maxModelLength = maxModelLen
        configuration.allowedOrigins = origins
    }

    private static func list(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    }

    /// A browser's spelling: scheme and host, without a path, or there would never be a match.
    private static func isOrigin(_ text: String) -> Bool {
        if text == "*" { return true }
        guard let url = URL(string: text), let scheme = url.scheme, url.host() != nil else { return false }
        return ["http", "https"].contains(scheme) && url.path().isEmpty && url.query() == nil
    }
}
