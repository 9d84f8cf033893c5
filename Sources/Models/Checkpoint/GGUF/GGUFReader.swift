/// Reads the header of a GGUF file from front to back; what is not there or makes no sense is an error.
///
/// Nothing is reserved for what a count claims: memory grows with what was read. The header is limited as a whole, so
/// that a file with a hole of a terabyte in it cannot claim a string of that size.
struct GGUFReader {
    /// Deeper than any metadata seen (1), far shallower than the stack.
    static let deepestNesting = 8
    /// Ten times what a vocabulary of 128,256 tokens with its merges and types needs.
    static let mostValues = 4_000_000
    /// As the format says.
    static let longestKey = 65_535
    static let longestTensorName = 64
    static let mostDimensions = 4
    /// The fewest bytes that a key and its value take: lengths, types, and a value of one byte.
    static let smallestPair = 8 + 4 + 1
    /// The fewest bytes of a tensor's name, dimensions, type and offset.
    static let smallestTensorInfo = 8 + 4 + 4 + 8

    struct TensorInfo {
        let name: String
        /// Innermost dimension first.
        let dimensions: [UInt64]
        let typeNumber: UInt32
        /// From the beginning of the data.
        let offset: UInt64
    }

    private let file: String
    private let bytes: UnsafeRawBufferPointer
    private let isCut: Bool
    /// Keeps the mapping alive.
    private let mapping: MappedFile
    private var valuesLeft = Self.mostValues
    /// The next byte to be read.
    private(set) var offset = 0

    init(_ file: MappedFile) {
        self.file = file.path
        bytes = UnsafeRawBufferPointer(rebasing: file.bytes.prefix(GGUF.longestHeader))
        isCut = file.byteCount > GGUF.longestHeader
        mapping = file
    }

    /// The magic and the version.
    mutating func readPreamble() throws {
        guard bytes.starts(with: "GGUF".utf8) else { throw failure("it does not begin with the letters GGUF") }
        offset = 4
        let version = try number(UInt32.self, "its version")
        if version.byteSwapped == GGUF.version { throw failure("it is big-endian; Docent reads little-endian files") }
        guard version == GGUF.version else {
            throw failure("it has version \(version) of the format; Docent reads version \(GGUF.version)")
        }
    }

    /// A count of things of which each takes `smallest` bytes at least.
    mutating func count(of things: String, smallest: Int) throws -> Int {
        let count = try number(UInt64.self, "the count of \(things)")
        guard count <= UInt64(bytes.count / smallest) else {
            throw failure("it claims \(count) \(things), which do not fit into \(bytes.count) bytes")
        }
        return Int(count)
    }

    mutating func metadata(count: Int) throws -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for _ in 0..<count {
            let key = try string("a key", longest: Self.longestKey)
            guard !key.isEmpty, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw failure("the key \(key.prefix(100).debugDescription) is not printable ASCII")
            }
            let type = try number(UInt32.self, "the type of \(key)")
            let value = try value(type, "the value of \(key)", depth: 0)
            guard members.updateValue(value, forKey: key) == nil else {
                throw failure("the key \(key.prefix(100)) appears twice")
            }
        }
        return members
    }

    mutating func tensorInfo() throws -> TensorInfo {
        let name = try string("a tensor's name", longest: Self.longestTensorName)
        let dimensions = try number(UInt32.self, "the dimensions of \(name)")
        guard dimensions <= Self.mostDimensions else {
            throw failure("tensor \(name) has \(dimensions) dimensions, more than \(Self.mostDimensions)")
        }
        return TensorInfo(
            name: name,
            dimensions: try (0..<dimensions).map { _ in try number(UInt64.self, "the shape of \(name)") },
            typeNumber: try number(UInt32.self, "the type of \(name)"),
            offset: try number(UInt64.self, "the offset of \(name)"))
    }

    // MARK: Values

    private mutating func value(_ type: UInt32, _ what: String, depth: Int) throws -> JSONValue {
        guard valuesLeft > 0 else { throw failure("it holds more than \(Self.mostValues) metadata values") }
        valuesLeft -= 1
        switch type {
        case 0: return .integer(Int(try number(UInt8.self, what)))
        case 1: return .integer(Int(try number(Int8.self, what)))
        case 2: return .integer(Int(try number(UInt16.self, what)))
        case 3: return .integer(Int(try number(Int16.self, what)))
        case 4: return .integer(Int(try number(UInt32.self, what)))
        case 5: return .integer(Int(try number(Int32.self, what)))
        case 6: return .number(Double(Float(bitPattern: try number(UInt32.self, what))))
        case 7: return .boolean(try boolean(what))
        case 8: return .string(try string(what, longest: bytes.count))
        case 9: return .array(try array(what, depth: depth))
        case 10:
            let number = try number(UInt64.self, what)
            return Int(exactly: number).map(JSONValue.integer) ?? .number(Double(number))
        case 11: return .integer(Int(try number(Int64.self, what)))
        case 12: return .number(Double(bitPattern: try number(UInt64.self, what)))
        default: throw failure("\(what) has the type \(type), which the format does not know")
        }
    }

    private mutating func boolean(_ what: String) throws -> Bool {
        let byte = try number(UInt8.self, what)
        guard byte <= 1 else { throw failure("\(what) is \(byte) where 0 or 1 should be") }
        return byte == 1
    }

    private mutating func array(_ what: String, depth: Int) throws -> [JSONValue] {
        guard depth < Self.deepestNesting else { throw failure("\(what) nests more than \(Self.deepestNesting) deep") }
        let type = try number(UInt32.self, what)
        let count = try number(UInt64.self, what)
        guard count <= UInt64(valuesLeft), count <= UInt64(bytes.count - offset) else {
            throw failure("\(what) claims \(count) elements")
        }
        return try (0..<Int(count)).map { _ in try value(type, what, depth: depth + 1) }
    }

    private mutating func string(_ what: String, longest: Int) throws -> String {
        let length = try number(UInt64.self, what)
        guard length <= UInt64(longest) else { throw failure("\(what) claims \(length) bytes") }
        let range = try take(Int(length), what)
        guard let string = String(validating: bytes[range], as: UTF8.self) else {
            throw failure("\(what) is not UTF-8")
        }
        return string
    }

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type, _ what: String) throws -> Number {
        let range = try take(MemoryLayout<Number>.size, what)
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Number.self))
    }

    private mutating func take(_ count: Int, _ what: String) throws -> Range<Int> {
        guard count <= bytes.count - offset else {
            throw failure(
                isCut
                    ? "\(what) lies beyond the first \(GGUF.longestHeader) bytes"
                    : "it ends within \(what) (\(count) bytes at byte \(offset) of \(bytes.count))")
        }
        defer { offset += count }
        return offset..<offset + count
    }

    private func failure(_ reason: String) -> ModelError { .malformedGGUF(file: file, reason: reason) }
}
