/// What can be wrong with a checkpoint, or with what a model is asked.
public enum ModelError: Error, Equatable, Sendable {
    /// A file of the checkpoint cannot be opened, is no regular file, or is absent.
    case unreadable(file: String, reason: String)
    case malformedJSON(file: String, offset: Int, reason: String)
    /// A setting is absent or has a value that makes no sense; `key` is its path inside the file.
    case badSetting(file: String, key: String, expected: String, found: String)
    /// A setting is understood, but what it asks for is not implemented.
    case unsupportedSetting(file: String, key: String, found: String, supported: String)
    /// A picture whose sides differ by more than the family's processor takes.
    case imageTooNarrow(width: Int, height: Int, limit: Int)
    /// The header of a safetensors file breaks the format.
    case malformedWeights(file: String, reason: String)
    /// One entry of a safetensors header breaks the format.
    case malformedTensor(file: String, tensor: String, reason: String)
    case malformedIndex(file: String, reason: String)
    /// A GGUF file breaks the format, or holds what cannot be computed with.
    case malformedGGUF(file: String, reason: String)
    case missingTensors(names: [String], folder: String)
    case leftoverTensors(names: [String], folder: String)
    case wrongShape(tensor: String, file: String, expected: [Int], found: [Int])
    case unsupportedType(tensor: String, file: String, found: String, supported: String)
    /// A part of a quantised matrix contradicts the others, or holds what no weight can be made of.
    case malformedQuantization(tensor: String, file: String, reason: String)
    case unknownFamily(file: String, found: String, known: [String])
    /// The prompt alone fills the context.
    case promptTooLong(tokens: Int, limit: Int)
    case imageCountMismatch(places: Int, images: Int)
    /// The expanded prompt does not hold one image token for each row of features.
    case imageTokenMismatch(found: Int, expected: Int)
    /// A model of text alone was given a picture; `model` is its name where somebody knows it.
    case takesNoImages(model: String?)
}

extension ModelError: CustomStringConvertible {
    /// One line: the names in it come from files of strangers.
    public var description: String { sentence.printable }

    private var sentence: String {
        switch self {
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .malformedJSON(let file, let offset, let reason): "\(file) is not valid JSON at byte \(offset): \(reason)"
        case .badSetting(let file, let key, let expected, let found):
            "\(file): \(key) should be \(expected), but is \(found)"
        case .unsupportedSetting(let file, let key, let found, let supported):
            "\(file): \(key) is \(found), which Docent does not implement (it does: \(supported))"
        case .malformedWeights(let file, let reason): "\(file) is not a valid safetensors file: \(reason)"
        case .malformedTensor(let file, let tensor, let reason):
            "\(file) is not a valid safetensors file: tensor \(tensor): \(reason)"
        case .malformedIndex(let file, let reason): "\(file) is not a valid shard index: \(reason)"
        case .malformedGGUF(let file, let reason): "\(file) is not a valid GGUF file: \(reason)"
        case .missingTensors(let names, let folder):
            "\(folder) lacks \(Self.listing(names)): is the checkpoint complete, and of the architecture it claims?"
        case .leftoverTensors(let names, let folder):
            "\(folder) holds \(Self.listing(names)) that its architecture has no place for: "
                + "does config.json belong to these weights?"
        case .wrongShape(let tensor, let file, let expected, let found):
            "\(tensor) in \(file) has shape \(found), expected \(expected): does config.json belong to these weights?"
        case .unsupportedType(let tensor, let file, let found, let supported):
            "\(tensor) in \(file) is stored as \(found); Docent reads \(supported)"
        case .malformedQuantization(let tensor, let file, let reason):
            "\(tensor) in \(file) cannot be dequantised: \(reason)"
        case .unknownFamily(let file, let found, let known):
            "\(file) names the architecture \(found), which Docent does not know; it knows \(known.joined(separator: ", "))"
        case .promptTooLong(let tokens, let limit):
            "The prompt is \(tokens) tokens long and leaves no room for an answer in a context of \(limit): "
                + "shorten it, send fewer images or allow fewer tiles"
        case .imageCountMismatch(let places, let images):
            "The conversation has places for \(places) images, but \(images) were given"
        case .imageTokenMismatch(let found, let expected):
            "The prompt holds \(found) image tokens where its images have \(expected) rows of features: "
                + "do tokenizer.json and config.json belong together?"
        case .imageTooNarrow(let width, let height, let limit):
            "The model takes no picture whose longer side is more than \(limit) times the shorter; "
                + "this one has \(width) × \(height) pixels: cut it"
        case .takesNoImages(let model):
            "The model \(model.map { "\($0) " } ?? "")does not take images: it reads and writes text only"
        }
    }

    /// At most eight names in full, so that a wholly foreign checkpoint does not flood the terminal.
    private static func listing(_ names: [String]) -> String {
        let shown = names.sorted().prefix(8).joined(separator: ", ")
        let count = names.count == 1 ? "the tensor" : "\(names.count) tensors:"
        return "\(count) \(shown)\(names.count > 8 ? ", …" : "")"
    }
}
