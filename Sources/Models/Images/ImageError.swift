/// Why one image could not be read. Every case names the image, so a run of thousands can go on and report it.
public enum ImageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No bytes at all.
    case empty(name: String)
    /// The file, or the picture its header declares, is over a limit: one of `ImageLimits`, which `flag` sets, or a
    /// fixed one.
    case tooLarge(name: String, found: String, limit: String, flag: String?)
    /// Not one of the formats of `ImageFormat`, or a variant that is not read.
    case unsupported(name: String, found: String)
    /// The right format with wrong content.
    case corrupt(name: String, format: ImageFormat, cause: String)
    /// The data ends before the picture does.
    case truncated(name: String, format: ImageFormat, cause: String)
    /// The file system refused.
    case unreadable(name: String, cause: String)

    /// A stable identifier for failure reports and API answers.
    public var code: String {
        switch self {
        case .empty: "image_empty"
        case .tooLarge: "image_too_large"
        case .unsupported: "image_unsupported"
        case .corrupt: "image_corrupt"
        case .truncated: "image_truncated"
        case .unreadable: "image_unreadable"
        }
    }

    /// The path, or what the caller called the image.
    public var name: String {
        switch self {
        case .empty(let name), .tooLarge(let name, _, _, _), .unsupported(let name, _), .corrupt(let name, _, _),
            .truncated(let name, _, _), .unreadable(let name, _):
            name
        }
    }

    /// The sentence without the image's name.
    public var cause: String {
        switch self {
        case .empty:
            "expected an image, found no bytes: was it written completely?"
        case .tooLarge(_, let found, let limit, let flag):
            "\(found) is over the limit of \(limit): "
                + (flag.map { "shrink the image or raise \($0)" } ?? "save the image in a simpler form")
        case .unsupported(_, let found):
            "expected \(ImageFormat.listed), found \(found)"
        case .corrupt(_, let format, let cause):
            "the \(format) data is damaged: \(cause)"
        case .truncated(_, let format, let cause):
            "the \(format) data ends early (\(cause)): is the copy complete?"
        case .unreadable(_, let cause):
            "cannot be read: \(cause)"
        }
    }

    public var description: String { "\(name): \(cause)" }
}
