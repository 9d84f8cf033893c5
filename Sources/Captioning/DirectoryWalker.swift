/// Finds the images below directories, among files given by name and behind globs, in an order that only depends on names.
///
/// Directories are walked depth first in byte order of names. Hidden names are left out unless given. Symbolic links are
/// followed, but every real directory is entered once and every real file counted once, under the first path that leads to
/// it; so loops end and overlapping roots do no harm. In directories the extension decides what is an image (its content
/// decides again when it is decoded); a file given by name is taken at its word.
public struct DirectoryWalker: Sendable {
    public static let extensions: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "tif", "tiff", "bmp", "heic", "heif", "avif",
    ]
    public var maxDepth = 64
    public var maxImages = 10_000_000
    /// Whether a symbolic link inside a directory may lead to this path, which has none itself.
    public var mayFollow: @Sendable (String) -> Bool = { _ in true }

    public init() {}

    /// Throws when one of `arguments` names nothing at all: no file, no directory, no folder to look for a glob in.
    public func check(_ arguments: [String]) throws(CaptionError) {
        for argument in arguments { _ = try Start(argument) }
    }

    /// The images behind `arguments` and what could not be followed. Throws when an argument names nothing at all.
    public func walk(_ arguments: [String]) throws(CaptionError) -> Walk {
        var walk = Walk(images: [])
        try self.walk(arguments) { found in
            switch found {
            case .image(let image): walk.images.append(image)
            case .problem(let problem): walk.problems.append(problem)
            }
            return true
        }
        return walk
    }

    /// The same, one by one as they are found. The walk ends early when `take` returns false.
    public func walk(_ arguments: [String], _ take: @escaping (Found) -> Bool) throws(CaptionError) {
        var traversal = Traversal(walker: self, take: take)
        for argument in arguments { try traversal.visit(argument: argument) }
    }

    public enum Found: Sendable {
        case image(FoundImage)
        /// An image or a directory that cannot be captioned or entered.
        case problem(ImageFailure)
    }
}

/// What a walk found.
public struct Walk: Sendable {
    public var images: [FoundImage]
    /// Images and directories that cannot be captioned or entered.
    public var problems: [ImageFailure]

    public init(images: [FoundImage], problems: [ImageFailure] = []) {
        self.images = images
        self.problems = problems
    }
}

/// Where a walk begins.
private enum Start {
    case path(location: String)
    case glob(GlobPattern, base: String)

    init(_ argument: String) throws(CaptionError) {
        if let location = DirectoryListing.canonical(argument) {
            self = .path(location: location)
        } else {
            guard let pattern = GlobPattern(argument) else { throw .pathMissing(argument) }
            guard let base = DirectoryListing.canonical(pattern.base) else { throw .pathMissing(pattern.base) }
            self = .glob(pattern, base: base)
        }
    }
}

/// A directory that paths are relative to.
private struct Root {
    /// As a second image of one relative path brings it.
    let given: String
    /// Absolute, without symbolic links.
    let location: String

    static let top = Root(given: "", location: "/")

    /// What a path of the command line is relative to.
    static func of(_ path: String) -> Root {
        path.hasPrefix("/") ? top : Root(given: ".", location: DirectoryListing.canonical(".") ?? "/")
    }
}

/// One walk in progress.
private struct Traversal {
    let walker: DirectoryWalker
    private let take: (DirectoryWalker.Found) -> Bool
    private var imageCount = 0
    private var isStopped = false
    private var entered: Set<FileFacts.Identity> = []
    private var counted: Set<String> = []
    private var taken: Set<String> = []

    init(walker: DirectoryWalker, take: @escaping (DirectoryWalker.Found) -> Bool) {
        self.walker = walker
        self.take = take
    }

    mutating func visit(argument: String) throws(CaptionError) {
        switch try Start(argument) {
        case .path(let location):
            try visit(argument, shown: "", root: Root(given: argument, location: location))
        case .glob(let pattern, let base):
            let root = Root(given: pattern.base, location: base)
            for match in pattern.expand(list: { Self.entries(of: base + "/" + $0) }) {
                try visit(base + "/" + match, shown: match == "." ? "" : match, root: root)
            }
        }
    }

    /// A path from the command line or a glob; `shown` is empty when it is the root itself.
    private mutating func visit(_ path: String, shown: String, root: Root) throws(CaptionError) {
        guard let target = DirectoryListing.canonical(path), let facts = FileFacts(at: target, followingLinks: true)
        else { return }
        if facts.kind == .directory {
            try enter(target, facts, shown: shown.isEmpty ? "" : shown + "/", root: root, depth: 0)
        } else {
            let location = DirectoryListing.canonicalParent(path) ?? target
            guard shown.isEmpty else { return try count(location, target, facts, shown: shown, root: root) }
            let name = root.given.hasPrefix("./") ? String(root.given.dropFirst(2)) : root.given
            try count(location, target, facts, shown: name, root: .of(name))
        }
    }

    private mutating func enter(
        _ location: String, _ facts: FileFacts, shown: String, root: Root, depth: Int
    ) throws(CaptionError) {
        guard entered.insert(facts.identity).inserted else { return }
        if depth > walker.maxDepth {
            return report(shown, "too_deep", "directories are nested more than \(walker.maxDepth) deep")
        }
        let names: [[UInt8]]
        do { names = try DirectoryListing.names(in: location) } catch {
            return report(shown.isEmpty ? root.given : shown, "directory_unreadable", "the directory cannot be listed")
        }
        for bytes in names where bytes.first != UInt8(ascii: ".") && !isStopped {
            guard let name = String(validating: bytes, as: UTF8.self) else {
                reportName(bytes, in: shown)
                continue
            }
            try visit(name, in: location, shown: shown + name, root: root, depth: depth)
        }
    }

    private mutating func visit(
        _ name: String, in directory: String, shown: String, root: Root, depth: Int
    ) throws(CaptionError) {
        let location = directory == "/" ? "/" + name : directory + "/" + name
        guard var facts = FileFacts(at: location, followingLinks: false) else { return }
        var target = location
        if facts.kind == .link {
            guard let end = DirectoryListing.canonical(location),
                let endFacts = FileFacts(at: end, followingLinks: true)
            else {
                if Self.isImage(name) { report(shown, "broken_link", "the symbolic link leads nowhere") }
                return
            }
            guard walker.mayFollow(end) else {
                let reason = "the symbolic link leads out of the directories that are open here"
                return report(shown, "link_leads_out", reason)
            }
            (target, facts) = (end, endFacts)
        }
        if facts.kind == .directory {
            try enter(target, facts, shown: shown + "/", root: root, depth: depth + 1)
        } else if Self.isImage(name) {
            try count(location, target, facts, shown: shown, root: root)
        }
    }

    /// `location` is where it was found, `target` the real file: the same unless it is a link.
    private mutating func count(
        _ location: String, _ target: String, _ facts: FileFacts, shown: String, root: Root
    ) throws(CaptionError) {
        let (isNew, known) = counted.insert(target)
        guard isNew else {
            // Equal to Swift and to a person, and yet another file: rows, which are known by their paths, could not be told apart.
            guard !known.utf8.elementsEqual(target.utf8) else { return }
            return report(shown, "name_twin", "another file's name is the same but for how its accents are written")
        }
        guard facts.kind == .file else {
            return report(shown, "not_a_file", "it is neither a file nor a directory")
        }
        if imageCount == walker.maxImages { throw .tooManyImages(limit: walker.maxImages) }
        // Rows are known by their paths: a second file of the same relative path brings its root, in the end all of itself.
        let path = [shown, root.given + "/" + shown, location].first { !taken.contains($0) } ?? location
        taken.insert(path)
        let base = path == shown ? root : .of(path)
        imageCount += 1
        give(
            .image(
                FoundImage(
                    path: path, root: base.location, location: location, byteCount: facts.byteCount,
                    modified: facts.modified)))
    }

    private mutating func give(_ found: DirectoryWalker.Found) {
        if !isStopped, !take(found) { isStopped = true }
    }

    private mutating func report(_ path: String, _ code: String, _ message: String) {
        give(.problem(ImageFailure(path: path, code: code, message: message)))
    }

    private mutating func reportName(_ bytes: [UInt8], in shown: String) {
        let name = String(decoding: bytes, as: UTF8.self)
        guard Self.isImage(name) else { return }
        report(shown + name, "name_not_utf8", "the file's name is not UTF-8; rename it")
    }

    private static func isImage(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
        return DirectoryWalker.extensions.contains(name[name.index(after: dot)...].lowercased())
    }

    private static func entries(of directory: String) -> [(name: String, isDirectory: Bool)] {
        let names = (try? DirectoryListing.names(in: directory)) ?? []
        return names.compactMap { bytes in
            guard let name = String(validating: bytes, as: UTF8.self) else { return nil }
            let facts = FileFacts(at: directory + "/" + name, followingLinks: false)
            return (name, facts?.kind == .directory)
        }
    }
}
