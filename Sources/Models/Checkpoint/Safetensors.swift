/// One safetensors file: a map of named tensors over mapped bytes.
///
/// Format: a little-endian 64-bit header length, that many bytes of JSON, then the tensors' bytes, which the entries
/// must tile without hole or overlap (github.com/huggingface/safetensors). Everything is checked before any tensor is
/// touched.
struct Safetensors: WeightFile {
    /// What the format's own reader allows.
    static let longestHeader = 100_000_000
    /// No model goes beyond 5; guards error texts and products.
    static let mostDimensions = 8
    /// Far beyond any model, and small enough that a size times another of a model's does not overflow.
    static let longestDimension = 1 << 40

    struct Entry: Sendable {
        let name: String
        let type: StoredType
        let shape: [Int]
        /// Where the bytes lie in the file.
        let range: Range<Int>

        /// Elements; the header check has shown that the product does not overflow, and that there are at most eight
        /// for each of the file's bytes, so that sums over all tensors do not either.
        var count: Int { shape.reduce(1, *) }
    }

    let file: MappedFile
    let entries: [String: Entry]
    /// Length prefix and header.
    let headerBytes: Int

    init(_ path: String) throws {
        let file = try MappedFile(path)
        guard file.byteCount >= 8 else {
            throw ModelError.malformedWeights(file: path, reason: "\(file.byteCount) bytes cannot hold a header length")
        }
        let length = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(Self.longestHeader) else {
            throw ModelError.malformedWeights(
                file: path, reason: "the header claims \(length) bytes, more than the \(Self.longestHeader) allowed")
        }
        let headerEnd = 8 + Int(length)
        guard length >= 2, headerEnd <= file.byteCount else {
            throw ModelError.malformedWeights(
                file: path, reason: "the header claims \(length) bytes in a file of \(file.byteCount)")
        }
        let header = UnsafeRawBufferPointer(rebasing: file.bytes[8..<headerEnd])
        guard header[0] == UInt8(ascii: "{"), case .object(let members) = try JSONParser.parse(header, file: path)
        else {
            throw ModelError.malformedWeights(file: path, reason: "the header is not a JSON object")
        }
        let reader = HeaderReader(file: path, dataStart: headerEnd, dataEnd: file.byteCount)
        entries = try reader.entries(members)
        headerBytes = headerEnd
        self.file = file
    }

    /// The bytes of `entry` where they lie.
    func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    }
}

/// Turns the members of a header into checked entries.
private struct HeaderReader {
    let file: String
    let dataStart: Int
    let dataEnd: Int

    func entries(_ members: JSONObject) throws -> [String: Safetensors.Entry] {
        var entries: [String: Safetensors.Entry] = [:]
        for (name, value) in members {
            if name == "__metadata__" {
                try checkMetadata(value)
            } else {
                entries[name] = try entry(name, value)
            }
        }
        try checkTiling(
            entries.values.sorted {
                ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
            })
        return entries
    }

    private func checkMetadata(_ value: JSONValue) throws {
        guard case .object(let members) = value,
            members.dictionary.values.allSatisfy({ if case .string = $0 { true } else { false } })
        else { throw ModelError.malformedWeights(file: file, reason: "__metadata__ is not an object of strings") }
    }

    private func entry(_ name: String, _ value: JSONValue) throws -> Safetensors.Entry {
        guard case .object(let members) = value else {
            throw failure(name, "its entry is \(value.summary), not an object")
        }
        guard case .string(let typeName) = members["dtype"] else {
            throw failure(name, "dtype is \(members["dtype"]?.summary ?? "absent"), not a string")
        }
        let type = StoredType(name: typeName)
        let shape = try sizes(name, "shape", members["shape"])
        let offsets = try sizes(name, "data_offsets", members["data_offsets"])
        guard shape.count <= Safetensors.mostDimensions else {
            throw failure(name, "it has \(shape.count) dimensions, more than \(Safetensors.mostDimensions)")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw failure(name, "data_offsets \(offsets) are not a beginning and an end")
        }
        guard offsets[1] <= dataEnd - dataStart else {
            throw failure(name, "it ends at byte \(offsets[1]) of \(dataEnd - dataStart) bytes of data")
        }
        try checkSize(name, type, shape, byteCount: offsets[1] - offsets[0])
        return Safetensors.Entry(
            name: name, type: type, shape: shape, range: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private func sizes(_ name: String, _ key: String, _ value: JSONValue?) throws -> [Int] {
        guard case .array(let values) = value else {
            throw failure(name, "\(key) is \(value?.summary ?? "absent"), not an array")
        }
        return try values.map {
            guard case .integer(let size) = $0, size >= 0 else {
                throw failure(name, "\(key) holds \($0.summary), not a whole number from 0")
            }
            return size
        }
    }

    /// Holds the shape against the bytes. A type of the future is taken to have one bit an element at least.
    private func checkSize(_ name: String, _ type: StoredType, _ shape: [Int], byteCount: Int) throws {
        if let size = shape.first(where: { $0 > Safetensors.longestDimension }) {
            throw failure(name, "a dimension of \(size) in shape \(shape) is not believable")
        }
        // A size of 0 must not hide that the others overflow: they are computed with one by one.
        var bits = type.bitWidth ?? 1
        for size in shape {
            let (product, overflow) = bits.multipliedReportingOverflow(by: max(size, 1))
            guard !overflow else { throw failure(name, "shape \(shape) overflows") }
            bits = product
        }
        if shape.contains(0) { bits = 0 }
        let fits = type.bitWidth == nil ? bits <= byteCount * 8 : bits.isMultiple(of: 8) && bits / 8 == byteCount
        guard fits else {
            throw failure(
                name, "shape \(shape) of \(type) needs \((bits + 7) / 8) bytes, but its offsets hold \(byteCount)")
        }
    }

    private func checkTiling(_ ordered: [Safetensors.Entry]) throws {
        var end = dataStart
        for entry in ordered {
            guard entry.range.lowerBound == end else {
                let what = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a hole before it"
                throw failure(entry.name, "it begins at byte \(entry.range.lowerBound - dataStart) and \(what)")
            }
            end = entry.range.upperBound
        }
        guard end == dataEnd else {
            throw ModelError.malformedWeights(file: file, reason: "\(dataEnd - end) bytes belong to no tensor")
        }
    }

    private func failure(_ name: String, _ reason: String) -> ModelError {
        .malformedTensor(file: file, tensor: String(name.prefix(200)), reason: reason)
    }
}
