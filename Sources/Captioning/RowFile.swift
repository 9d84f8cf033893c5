#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A JSONL or CSV file with one row an image, ever.
///
/// Rows are added at the end and synced in groups; the file can be watched while it grows. What a crash can do to it is tear
/// the last row, which is cut off when the file is opened again: its caption is in the queue and comes again. Rows of images
/// that have changed are taken out first, by replacing the file atomically. A lock keeps a second process away.
///
/// To overwrite, rows go to FILE.partial, which takes the name FILE when every image has its outcome: until then, and
/// for good if not one caption came of the run, FILE is left as it was.
final class RowFile: CaptionOutput {
    private let path: String
    private let partialPath: String
    private let format: any RowFormat.Type
    private let policy: ExistingPolicy
    private var file: Descriptor
    /// To overwrite: what is at `path` until then, held for its lock.
    private let replaced: Descriptor?
    /// Hash of the image of every path that has a row.
    private var rows: [String: HeldCaption] = [:]
    private var pending: [UInt8] = []
    /// Whether a power cut can no longer take the file away, which may be new.
    private var isNameDurable = false

    init(path: String, policy: ExistingPolicy) throws(CaptionError) {
        guard let format = Self.format(of: path) else { throw .unknownOutputFormat(path: path) }
        self.path = AtomicFile.target(of: path)
        partialPath = self.path + ".partial"
        self.format = format
        self.policy = policy
        let found = try Self.open(self.path)
        if policy == .overwrite {
            replaced = consume found
            // Left by a run that was interrupted, it is begun anew: its captions come again from the queue.
            file = try Self.open(partialPath)
            try file.truncate(to: 0)
            try file.write(format.header)
        } else {
            replaced = nil
            file = consume found
            try takeStock()
        }
    }

    static func format(of path: String) -> (any RowFormat.Type)? {
        path.hasSuffix(".jsonl") ? JSONLinesFormat.self : path.hasSuffix(".csv") ? CSVFormat.self : nil
    }

    /// With `append` a row stays whatever became of its image, so its image is not looked at.
    func caption(of image: FoundImage) -> HeldCaption? {
        guard let held = rows[image.path] else { return nil }
        let isOurs = held.root == nil || held.root == image.root
        return policy == .append && isOurs ? HeldCaption() : held
    }

    func discard(_ paths: Set<String>) throws(CaptionError) {
        guard paths.contains(where: { rows[$0] != nil }) else { return }
        var kept: [UInt8] = []
        for (index, record) in try records().whole.enumerated() {
            let origin = try origin(of: record.dropLast(), at: index)
            if origin.map({ !paths.contains($0.path) }) ?? true { kept += record }
        }
        try replace(with: kept)
        for path in paths { rows[path] = nil }
    }

    func write(_ row: CaptionRow, at index: Int, of image: FoundImage) throws(CaptionError) -> Bool {
        if rows.updateValue(HeldCaption(sha256: row.sha256, root: row.root), forKey: row.path) != nil { return false }
        pending += format.line(row)
        if pending.count > 1 << 20 { try flush() }
        return true
    }

    func pass(_ index: Int) {}

    func flush() throws(CaptionError) {
        if pending.isEmpty { return }
        try file.write(pending)
        try file.synchronise()
        if !isNameDurable {
            try AtomicFile.synchroniseDirectory(of: path)
            isNameDurable = true
        }
        pending = []
    }

    func complete() throws(CaptionError) {
        guard policy == .overwrite else { return }
        if rows.isEmpty { return try AtomicFile.remove(partialPath) }
        try flush()
        try file.synchronise()
        try AtomicFile.move(partialPath, to: path)
    }

    /// Reads what is there, and mends the end of it.
    private func takeStock() throws(CaptionError) {
        var (whole, rest) = try records()
        var length = whole.reduce(0) { $0 + $1.count }
        if !rest.isEmpty, format.isWhole(rest) {
            let mended = rest + [UInt8(ascii: "\n")]
            try file.write([UInt8(ascii: "\n")])
            length += mended.count
            whole.append(mended)
        } else if !rest.isEmpty {
            try file.truncate(to: length)
        }
        if length == 0 { return try file.write(format.header) }
        for (index, record) in whole.enumerated() {
            if let origin = try origin(of: record.dropLast(), at: index) {
                rows[origin.path] = HeldCaption(sha256: origin.sha256, root: origin.root)
            }
        }
    }

    private func origin(of record: ArraySlice<UInt8>, at index: Int) throws(CaptionError) -> RowOrigin? {
        do { return try format.origin(of: record, isFirst: index == 0) } catch {
            throw .foreignRow(path: path, line: index + 1, reason: error.reason)
        }
    }

    /// The records of the file, each with its line feed, and what follows the last line feed.
    private func records() throws(CaptionError) -> (whole: [ArraySlice<UInt8>], rest: ArraySlice<UInt8>) {
        let content = try AtomicFile.content(of: path) ?? []
        var whole: [ArraySlice<UInt8>] = []
        var start = 0
        var isQuoted = false
        for (index, byte) in content.enumerated() {
            if byte == UInt8(ascii: "\""), format.quotesLineEnds { isQuoted.toggle() }
            if byte == UInt8(ascii: "\n"), !isQuoted {
                whole.append(content[start...index])
                start = index + 1
            }
        }
        return (whole, content[start...])
    }

    private func replace(with content: [UInt8]) throws(CaptionError) {
        try AtomicFile.write(content, to: path)
        file = try Self.open(path)
    }

    private static func open(_ path: String) throws(CaptionError) -> Descriptor {
        while true {
            var file = try Descriptor(opening: path, mode: O_RDWR | O_CREAT | O_APPEND)
            guard file.lock() else { throw .outputInUse(path: path) }
            // Whoever had the lock until now may have put another file in its place.
            if file.isStill(at: path) { return file }
        }
    }
}
