/// Why a tokenizer cannot be made from a checkpoint's files.
public enum TokenizerError: Error, Equatable, CustomStringConvertible {
    case unreadable(file: String, reason: String)
    case malformed(file: String, reason: String)
    case unsupportedModel(file: String, type: String)
    case unsupportedStep(file: String, step: String, reason: String)
    case idOutOfRange(file: String, token: String, id: Int, limit: Int)
    case duplicateID(file: String, id: Int, first: String, second: String)
    case unknownMergePart(file: String, merge: Int, text: String)
    case specialByte(file: String, token: String)
    case missingByte(file: String, token: String)

    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "The tokenizer file \(file) cannot be read: \(reason)."
        case .malformed(let file, let reason):
            "The tokenizer file \(file) is not what tokenizer.json should be: \(reason)."
        case .unsupportedModel(let file, let type):
            "The tokenizer of \(file) has the model type \(type); BPE is supported, byte-level or with byte "
                + "fallback (no Unigram, no WordPiece)."
        case .unsupportedStep(let file, let step, let reason):
            "The tokenizer of \(file) has a step \(step) that is not supported: \(reason)."
        case .idOutOfRange(let file, let token, let id, let limit):
            "In \(file) the token \(token.debugDescription) has the id \(id); ids lie between 0 and \(limit - 1)."
        case .duplicateID(let file, let id, let first, let second):
            "In \(file) the id \(id) belongs to both \(first.debugDescription) and \(second.debugDescription)."
        case .unknownMergePart(let file, let merge, let text):
            "In \(file) merge \(merge) needs the token \(text.debugDescription), which the vocabulary lacks."
        case .specialByte(let file, let token):
            "In \(file) the special token \(token.debugDescription) is also the token of a single byte: "
                + "text of a user could not be kept apart from it."
        case .missingByte(let file, let token):
            "The vocabulary of \(file) has byte_fallback but lacks \(token): there is text that it cannot write."
        }
    }
}
