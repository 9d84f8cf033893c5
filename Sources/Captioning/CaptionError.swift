/// What can go wrong between a list of paths and a set of captions, apart from single images (those are `ImageFailure`).
public enum CaptionError: Error, Equatable, CustomStringConvertible {
    case pathMissing(String)
    case unreadable(path: String, reason: SystemError)
    case tooManyImages(limit: Int)
    case unwritable(path: String, reason: SystemError)
    /// Of one image: its folder or its name will not have it. Other images go on.
    case sidecarUnwritable(path: String, reason: SystemError)
    case unknownRecipe(name: String, known: [String])
    case invalidRecipe(origin: String, reason: String)
    case unknownVariable(name: String, known: [String])
    case unbalancedBrace(prompt: String)
    case unknownOutputFormat(path: String)
    case foreignRow(path: String, line: Int, reason: String)
    case outputInUse(path: String)
    case rowOfAnotherRoot(output: String, path: String, held: String, given: String)
    case appendToJSONSidecar
    case unreadableResult(key: String, reason: String)
    case unreadableSpecification(job: String, reason: String)

    public var description: String {
        switch self {
        case .pathMissing(let path):
            "There is no file or directory \(path)."
        case .unreadable(let path, let reason):
            "Cannot read \(path): \(reason)."
        case .tooManyImages(let limit):
            "More than \(limit) images were found; caption the directories in parts."
        case .unwritable(let path, let reason):
            "Cannot write \(path): \(reason)."
        case .sidecarUnwritable(let path, let reason):
            "The sidecar \(path) cannot be used: \(reason)."
        case .unknownRecipe(let name, let known):
            "There is no recipe \"\(name)\": expected one of \(known.joined(separator: ", ")) or the path of a .json file."
        case .invalidRecipe(let origin, let reason):
            "The recipe \(origin) cannot be used: \(reason)."
        case .unknownVariable(let name, let known):
            "The prompt uses {\(name)}, expected one of \(known.map { "{\($0)}" }.joined(separator: ", ")); "
                + "write {{ and }} for plain braces."
        case .unbalancedBrace(let prompt):
            "The prompt \"\(prompt)\" has a brace without its partner; write {{ and }} for plain braces."
        case .unknownOutputFormat(let path):
            "The output \(path) should end in .jsonl or .csv."
        case .foreignRow(let path, let line, let reason):
            "Line \(line) of \(path) is not a caption row (\(reason)); name another file, or give --existing overwrite."
        case .outputInUse(let path):
            "Another process is writing captions to \(path); wait for it, or name another file."
        case .rowOfAnotherRoot(let output, let path, let held, let given):
            "\(output) holds the caption of \(path) below \(held); give \(given) another --output, or both in one command."
        case .appendToJSONSidecar:
            "A .json sidecar holds one caption and cannot be appended to; use --sidecar txt, or another --existing policy."
        case .unreadableResult(let key, let reason):
            "The stored result of \(key) cannot be read (\(reason)); was the database written by another version?"
        case .unreadableSpecification(let job, let reason):
            "The stored order of the job \(job) cannot be read (\(reason)); was the database written by another version?"
        }
    }
}

/// An image without a caption, and why: a row of the failures report.
public struct ImageFailure: Error, Sendable, Hashable, Codable {
    /// As in the rows of captioned images.
    public var path: String
    public var code: String
    public var message: String

    public init(path: String, code: String, message: String) {
        self.path = path
        self.code = code
        self.message = message
    }
}
