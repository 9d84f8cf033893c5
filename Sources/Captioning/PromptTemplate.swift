/// A prompt with places for what is known of an image: `{filename}`, `{stem}`, `{folder}`, `{path}`; `{{` and `}}` are braces.
///
/// Parsed before anything runs, so that a misspelt variable stops the run instead of reaching a million prompts.
public struct PromptTemplate: Sendable, Hashable {
    public enum Variable: String, Sendable, CaseIterable {
        /// Name with extension.
        case filename
        /// Name without extension.
        case stem
        /// Name of the directory that holds the file; empty when only the root does.
        case folder
        /// As rows name the image.
        case path
    }

    private enum Piece: Sendable, Hashable {
        case text(String)
        case variable(Variable)
    }

    /// As it was written.
    public let source: String
    private let pieces: [Piece]

    public init(_ source: String) throws(CaptionError) {
        self.source = source
        var pieces: [Piece] = []
        var text = ""
        var rest = source[...]
        while let character = rest.popFirst() {
            if character == rest.first, character == "{" || character == "}" {
                text.append(rest.removeFirst())
            } else if character == "{" {
                guard let end = rest.firstIndex(of: "}") else { throw .unbalancedBrace(prompt: source) }
                let name = String(rest[..<end])
                guard let variable = Variable(rawValue: name) else {
                    throw .unknownVariable(name: name, known: Variable.allCases.map(\.rawValue))
                }
                pieces += [.text(text), .variable(variable)]
                text = ""
                rest = rest[end...].dropFirst()
            } else if character == "}" {
                throw .unbalancedBrace(prompt: source)
            } else {
                text.append(character)
            }
        }
        self.pieces = pieces + [.text(text)]
    }

    /// The prompt for the image that rows call `path`.
    public func text(for path: String) -> String {
        let parts = path.split(separator: "/")
        let filename = parts.last.map(String.init) ?? ""
        return pieces.map { piece in
            switch piece {
            case .text(let text): text
            case .variable(.filename): filename
            case .variable(.stem): Self.stem(of: filename)
            case .variable(.folder): parts.dropLast().last.map(String.init) ?? ""
            case .variable(.path): path
            }
        }.joined()
    }

    private static func stem(of filename: String) -> String {
        guard let dot = filename.lastIndex(of: "."), dot != filename.startIndex else { return filename }
        return String(filename[..<dot])
    }
}
