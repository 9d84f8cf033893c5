/// One GGUF file: settings, tokenizer and tensors of a model in llama.cpp's format.
///
/// Format (github.com/ggml-org/ggml, docs/gguf.md): the magic, a version, two counts, typed metadata, the tensors'
/// names, shapes, types and offsets, then, aligned, their bytes; everything little-endian. All of it is checked before
/// any tensor is touched.
struct GGUF: WeightFile {
    /// Metadata and tensor infos; those of a vocabulary of 262,144 tokens take 15 MB.
    static let longestHeader = 256 << 20
    static let version: UInt32 = 3
    static let defaultAlignment = 32
    /// Larger than any page; the format asks for a power of two.
    static let largestAlignment = 1 << 20

    struct Entry: Sendable {
        let name: String
        let type: GGUFTensorType
        /// Outermost dimension first, as everywhere here; files write the innermost first.
        let shape: [Int]
        /// Where the bytes lie in the file.
        let range: Range<Int>

        /// Elements; the header check has shown that the product does not overflow, and that each byte of the file holds
        /// eight at most, so that sums over all tensors do not either.
        var count: Int { shape.reduce(1, *) }
    }

    let file: MappedFile
    /// Every key of the metadata, `llama.block_count` and the like.
    let metadata: Settings
    let entries: [String: Entry]
    let headerBytes: Int

    init(_ path: String) throws {
        let file = try MappedFile(path)
        var reader = GGUFReader(file)
        try reader.readPreamble()
        let tensorCount = try reader.count(of: "tensors", smallest: GGUFReader.smallestTensorInfo)
        let valueCount = try reader.count(of: "metadata values", smallest: GGUFReader.smallestPair)
        let metadata = Settings(file: path, members: try reader.metadata(count: valueCount))
        let infos = try (0..<tensorCount).map { _ in try reader.tensorInfo() }
        let alignment = try metadata.integer(
            "general.alignment", in: 1...Self.largestAlignment, default: Self.defaultAlignment)
        guard alignment.nonzeroBitCount == 1 else {
            throw metadata.failure("general.alignment", expected: "a power of two")
        }
        headerBytes = (reader.offset + alignment - 1) / alignment * alignment
        entries = try GGUFTensorDirectory(
            file: path, dataStart: headerBytes, dataEnd: file.byteCount, alignment: alignment
        ).entries(infos)
        self.file = file
        self.metadata = metadata
    }

    /// Elements of all tensors.
    var parameterCount: Int { entries.values.reduce(0) { $0 + $1.count } }

    /// The bytes of `entry` where they lie.
    func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    }

    /// Whether `path` is to be read as GGUF: any file, and what is called one although nothing is there.
    static func isMeant(by path: String) throws -> Bool {
        let status = try FileStatus(path)
        return status.exists ? !status.isFolder : path.hasSuffix(".gguf")
    }
}
