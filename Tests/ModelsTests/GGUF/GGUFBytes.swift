/// Writes GGUF files, right ones and wrong ones.
struct GGUFBytes {
    indirect enum Value {
        case u8(UInt8), i8(Int8), u16(UInt16), i16(Int16), u32(UInt32), i32(Int32), f32(Float), boolean(UInt8)
        case string(String), u64(UInt64), i64(Int64), f64(Double)
        case array(UInt32, [Value])
        /// Anything, under any type.
        case raw(UInt32, [UInt8])

        static func strings(_ strings: [String]) -> Value { .array(8, strings.map(Value.string)) }
    }

    struct Tensor {
        var name: String
        /// Innermost dimension first, as in the file.
        var dimensions: [UInt64]
        var type: UInt32
        var bytes: [UInt8]
        /// Where the file says that it lies; where it does unless a test lies.
        var offset: UInt64?

        init(_ name: String, _ dimensions: [UInt64], type: UInt32 = 0, _ bytes: [UInt8], offset: UInt64? = nil) {
            (self.name, self.dimensions, self.type, self.bytes, self.offset) = (name, dimensions, type, bytes, offset)
        }

        init(_ name: String, shape: [Int], values: [Float]) {
            self.init(name, shape.reversed().map(UInt64.init), values.flatMap { GGUFBytes.bytes($0.bitPattern) })
        }
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    var metadata: [(key: String, value: Value)] = []
    var tensors: [Tensor] = []
    var alignment = 32
    /// Instead of the true counts.
    var tensorCount: UInt64?
    var valueCount: UInt64?

    var bytes: [UInt8] {
        var file = magic + Self.bytes(version)
        file += Self.bytes(tensorCount ?? UInt64(tensors.count)) + Self.bytes(valueCount ?? UInt64(metadata.count))
        for (key, value) in metadata { file += Self.string(key) + Self.bytes(Self.type(value)) + Self.bytes(of: value) }
        var data: [UInt8] = []
        for tensor in tensors {
            file += Self.string(tensor.name) + Self.bytes(UInt32(tensor.dimensions.count))
            file += tensor.dimensions.flatMap(Self.bytes) + Self.bytes(tensor.type)
            file += Self.bytes(tensor.offset ?? UInt64(data.count))
            data += tensor.bytes
            data += [UInt8](repeating: 0, count: (alignment - data.count % alignment) % alignment)
        }
        return file + [UInt8](repeating: 0, count: (alignment - file.count % alignment) % alignment) + data
    }

    subscript(key: String) -> Value? {
        get { metadata.first { $0.key == key }?.value }
        set {
            metadata.removeAll { $0.key == key }
            if let newValue { metadata.append((key, newValue)) }
        }
    }

    static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian, Array.init)
    }

    static func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }

    private static func type(_ value: Value) -> UInt32 {
        switch value {
        case .u8: 0
        case .i8: 1
        case .u16: 2
        case .i16: 3
        case .u32: 4
        case .i32: 5
        case .f32: 6
        case .boolean: 7
        case .string: 8
        case .array: 9
        case .u64: 10
        case .i64: 11
        case .f64: 12
        case .raw(let type, _): type
        }
    }

    private static func bytes(of value: Value) -> [UInt8] {
        switch value {
        case .u8(let number): bytes(number)
        case .i8(let number): bytes(number)
        case .u16(let number): bytes(number)
        case .i16(let number): bytes(number)
        case .u32(let number): bytes(number)
        case .i32(let number): bytes(number)
        case .f32(let number): bytes(number.bitPattern)
        case .boolean(let byte): [byte]
        case .string(let text): string(text)
        case .array(let type, let values): bytes(type) + bytes(UInt64(values.count)) + values.flatMap(bytes(of:))
        case .u64(let number): bytes(number)
        case .i64(let number): bytes(number)
        case .f64(let number): bytes(number.bitPattern)
        case .raw(_, let bytes): bytes
        }
    }
}
