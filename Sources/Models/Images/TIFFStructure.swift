/// A TIFF's directories (TIFF 6.0, and BigTIFF), walked without decoding.
struct TIFFStructure {
    /// Directories in the chain, at most `maxPages + 1`.
    private(set) var pages = 0
    /// Whether every offset of the chain and every strip or tile of the first page lies inside the file.
    private(set) var isComplete = true
    /// Whether the sample after the colours is declared (ExtraSamples 0) to be no opacity.
    private(set) var hasUnspecifiedExtra = false

    /// libtiff visits every directory to count pages, comparing each with all before it; a loop never ends the chain.
    static let maxPages = 4096

    private let reader: ByteReader
    private let isBig: Bool

    init(_ bytes: [UInt8]) {
        reader = ByteReader(bytes: bytes, isBigEndian: bytes.first == 0x4D)
        isBig = reader.integer(at: 2, width: 2) == 43
        var next = reader.integer(at: isBig ? 8 : 4, width: isBig ? 8 : 4)
        if let first = next { readFirstDirectory(at: first) }
        while let directory = next, directory != 0, pages <= Self.maxPages {
            pages += 1
            guard let entries = entryCount(at: directory) else {
                isComplete = false
                return
            }
            let end = directory + countWidth + entries * entryWidth
            next = reader.integer(at: end, width: isBig ? 8 : 4)
        }
        if next == nil { isComplete = false }
    }

    private var countWidth: Int { isBig ? 8 : 2 }
    private var entryWidth: Int { isBig ? 20 : 12 }

    /// The number of entries of the directory at `offset`; nil when they would not fit in the file.
    private func entryCount(at offset: Int) -> Int? {
        guard let count = reader.integer(at: offset, width: countWidth),
            count <= (reader.count - offset - countWidth) / entryWidth
        else { return nil }
        return count
    }

    private mutating func readFirstDirectory(at offset: Int) {
        guard let count = entryCount(at: offset) else { return }
        var fields: [Int: [Int]] = [:]
        for i in 0..<count {
            let entry = offset + countWidth + i * entryWidth
            guard let tag = reader.integer(at: entry, width: 2), Self.wanted.contains(tag) else { continue }
            guard let values = values(ofEntryAt: entry) else {
                isComplete = false
                continue
            }
            fields[tag] = values
        }
        hasUnspecifiedExtra = fields[338]?.first == 0
        for (offsets, counts) in [(273, 279), (324, 325)] {
            for (offset, count) in zip(fields[offsets] ?? [], fields[counts] ?? [])
            where count > reader.count || offset > reader.count - count { isComplete = false }
        }
    }

    /// Strip and tile offsets and byte counts, and ExtraSamples.
    private static let wanted: Set<Int> = [273, 279, 324, 325, 338]

    /// The SHORT, LONG or LONG8 values of an entry; nil when they lie outside the file.
    private func values(ofEntryAt entry: Int) -> [Int]? {
        let widths = [3: 2, 4: 4, 16: 8]
        let offsetWidth = isBig ? 8 : 4
        guard let type = reader.integer(at: entry + 2, width: 2), let width = widths[type] else { return [] }
        guard let count = reader.integer(at: entry + 4, width: offsetWidth), count <= reader.count / width else {
            return nil
        }
        var start = entry + 4 + offsetWidth
        if count * width > offsetWidth {
            guard let outside = reader.integer(at: start, width: offsetWidth) else { return nil }
            start = outside
        }
        guard start <= reader.count - count * width else { return nil }
        return (0..<count).compactMap { reader.integer(at: start + $0 * width, width: width) }
    }
}
