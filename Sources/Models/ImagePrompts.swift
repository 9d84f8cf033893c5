/// Messages to tokens where the template writes one marker for each image, and the marker is a token that stands for one
/// row of features.
struct ImagePrompts: Sendable {
    let tokenizer: Tokenizer
    let template: ChatTemplate
    /// "<image>": what the template writes for a picture.
    let marker: String
    /// What stands for one row of features.
    let markerToken: Int32
    let contextLength: Int
    /// Begins every prompt, once, whether or not the template writes it.
    var leadingToken: Int32?
    /// Whether the template prints nothing of a message that is a bare string, as which a single text is else handed to it.
    var wantsParts = false

    /// Renders `messages`, puts each image's `placeholder` (tags and markers) where its marker stands, and tokenises the
    /// whole at once: tags and words around them may meet in one token.
    func prompt(
        for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions,
        placeholder: (ProcessedImage) -> String
    ) throws -> Prompt {
        let places = messages.reduce(0) { $0 + $1.content.count { $0 == .image } }
        guard places == images.count else {
            throw ModelError.imageCountMismatch(places: places, images: images.count)
        }
        let rendered = try template.render(
            messages, options, namedTokens: tokenizer.namedTokens, imageMarker: marker, alwaysInParts: wantsParts)
        var tokens = tokenizer.encode(try rendered.replacing(marker, with: images.map(placeholder)))
        if let leadingToken, tokens.first != leadingToken { tokens.insert(leadingToken, at: 0) }
        if images.isEmpty { tokens = options.kept(tokens) }
        guard tokens.count < contextLength else {
            throw ModelError.promptTooLong(tokens: tokens.count, limit: contextLength)
        }
        return Prompt(tokens: tokens, images: try place(images, in: tokens))
    }

    /// Tokens that a picture with this placeholder takes in a prompt.
    func tokenCount(of placeholder: String) -> Int { tokenizer.encode(PromptText(trusted: placeholder)).count }

    /// Gives each image its run of markers, in order.
    private func place(_ images: [ProcessedImage], in tokens: [Int32]) throws -> [PlacedImage] {
        let positions = tokens.indices.filter { tokens[$0] == markerToken }
        let expected = images.reduce(0) { $0 + $1.tokenCount }
        guard positions.count == expected else {
            throw ModelError.imageTokenMismatch(found: positions.count, expected: expected)
        }
        var rest = positions[...]
        return images.map { image in
            defer { rest = rest.dropFirst(image.tokenCount) }
            return PlacedImage(image: image, positions: Array(rest.prefix(image.tokenCount)))
        }
    }
}
