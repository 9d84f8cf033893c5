import Foundation
import Testing

@testable import Models

struct GGUFTests {
    private func read(_ file: GGUFBytes) throws -> GGUF { try read(file.bytes) }

    private func read(_ bytes: [UInt8]) throws -> GGUF {
        let folder = try TemporaryFolder()
        return try GGUF(folder.write(bytes, to: "model.gguf"))
    }

    @Test func `values of every type are read`() throws {
        var file = GGUFBytes()
        file.metadata = [
            ("a.u8", .u8(255)), ("a.i8", .i8(-1)), ("a.u16", .u16(65_535)), ("a.i16", .i16(-2)),
            ("a.u32", .u32(.max)), ("a.i32", .i32(.min)), ("a.f32", .f32(0.5)), ("a.bool", .boolean(1)),
            ("a.string", .string("Ġé")), ("a.u64", .u64(7)), ("a.large", .u64(.max)), ("a.i64", .i64(.min)),
            ("a.f64", .f64(1e300)), ("a.none", .array(4, [])),
            ("a.nested", .array(9, [.array(5, [.i32(1), .i32(2)]), .array(8, [.string("x")])])),
        ]
        let found = try read(file).metadata
        let expected: [String: JSONValue] = [
            "a.u8": .integer(255), "a.i8": .integer(-1), "a.u16": .integer(65_535), "a.i16": .integer(-2),
            "a.u32": .integer(4_294_967_295), "a.i32": .integer(-2_147_483_648), "a.f32": .number(0.5),
            "a.bool": .boolean(true), "a.string": .string("Ġé"), "a.u64": .integer(7),
            "a.large": .number(0x1p64), "a.i64": .integer(.min), "a.f64": .number(1e300),
            "a.none": .array([]), "a.nested": .array([.array([.integer(1), .integer(2)]), .array([.string("x")])]),
        ]
        for (key, value) in expected { #expect(found.value(key) == value, "\(key)") }
    }

    @Test(arguments: [1, 8, 32, 4096])
    func `tensors are found at the alignment that the file states`(_ alignment: Int) throws {
        var file = GGUFBytes()
        file.alignment = alignment
        file.metadata = [("general.alignment", .u32(UInt32(alignment)))]
        file.tensors = [
            .init("a", shape: [2, 3], values: [1, 2, 3, 4, 5, 6]), .init("b", shape: [1], values: [7]),
            .init("c", [], type: 26, [9, 0, 0, 0]),
        ]
        let gguf = try read(file)
        let (first, second) = (try #require(gguf.entries["a"]), try #require(gguf.entries["b"]))
        #expect(first.shape == [2, 3] && first.type.name == "F32" && gguf.entries["c"]?.type.name == "I32")
        #expect(gguf.bytes(of: first).loadUnaligned(fromByteOffset: 20, as: Float.self) == 6)
        #expect(gguf.bytes(of: second).loadUnaligned(as: Float.self) == 7)
        #expect(first.range.lowerBound.isMultiple(of: alignment) && gguf.headerBytes == first.range.lowerBound)
        #expect(gguf.entries["c"]?.count == 1)
    }

    typealias Broken = (name: String, words: String, change: @Sendable (inout GGUFBytes) -> Void)

    private static func oneTensor(_ tensor: GGUFBytes.Tensor) -> @Sendable (inout GGUFBytes) -> Void {
        { $0.tensors = [tensor] }
    }

    /// Each makes one thing wrong in a good file; `words` are those of the error.
    static let broken: [Broken] = [
        ("another format", "letters GGUF", { $0.magic = Array("GGML".utf8) }),
        ("version 1", "version 1", { $0.version = 1 }),
        ("version 2", "version 2", { $0.version = 2 }),
        ("version 4", "version 4", { $0.version = 4 }),
        ("the other byte order", "big-endian", { $0.version = UInt32(3).byteSwapped }),
        ("more tensors than bytes", "18446744073709551615 tensors", { $0.tensorCount = .max }),
        ("more values than bytes", "metadata values", { $0.valueCount = 1 << 40 }),
        ("one tensor too many", "not a valid GGUF file", { $0.tensorCount = 3 }),
        ("a key twice", "general.x appears twice", { $0.metadata += [("general.x", .u8(1)), ("general.x", .u8(2))] }),
        ("an empty key", "printable ASCII", { $0.metadata += [("", .u8(1))] }),
        ("a key with a control character", "printable ASCII", { $0.metadata += [("a\u{1B}", .u8(1))] }),
        ("a key too long", "65536 bytes", { $0.metadata += [(String(repeating: "k", count: 65_536), .u8(1))] }),
        ("a value of no type", "type 13", { $0.metadata += [("x", .raw(13, [0]))] }),
        ("a boolean of 2", "0 or 1", { $0.metadata += [("x", .boolean(2))] }),
        (
            "a string beyond the file", "claims 1099511627776 bytes",
            { $0.metadata += [("x", .raw(8, GGUFBytes.bytes(UInt64(1) << 40)))] }
        ),
        (
            "a string that is not UTF-8", "not UTF-8",
            { $0.metadata += [("x", .raw(8, GGUFBytes.bytes(UInt64(2)) + [0xC3, 0x28]))] }
        ),
        (
            "an array beyond the file", "claims 18446744073709551615 elements",
            { $0.metadata += [("x", .raw(9, GGUFBytes.bytes(UInt32(0)) + GGUFBytes.bytes(UInt64.max)))] }
        ),
        (
            "arrays in arrays without end", "nests more than 8 deep",
            { $0.metadata += [("x", (0..<40).reduce(.array(0, [])) { inner, _ in .array(9, [inner]) })] }
        ),
        ("an alignment of 0", "general.alignment", { $0["general.alignment"] = .u32(0) }),
        ("an alignment of 24", "power of two", { $0["general.alignment"] = .u32(24) }),
        ("an alignment in words", "general.alignment", { $0["general.alignment"] = .string("32") }),
        ("a name twice", "appears twice", { $0.tensors.append($0.tensors[0]) }),
        ("a name too long", "a tensor's name", oneTensor(.init(String(repeating: "n", count: 65), [1], [0, 0, 0, 0]))),
        ("five dimensions", "5 dimensions", oneTensor(.init("a", [1, 1, 1, 1, 1], [0, 0, 0, 0]))),
        ("a dimension of 0", "dimension of 0", oneTensor(.init("a", [0, 4], []))),
        ("a dimension of 2⁶⁴ − 1", "not believable", oneTensor(.init("a", [.max], [0, 0, 0, 0]))),
        ("a product that overflows", "overflows", oneTensor(.init("a", [1 << 40, 1 << 40], []))),
        ("bytes that overflow", "overflows", oneTensor(.init("a", [1 << 40, 1 << 22], []))),
        (
            "rows of half a block", "whole blocks of Q8_0",
            oneTensor(.init("a", [48, 2], type: 8, [UInt8](repeating: 0, count: 102)))
        ),
        ("more than the file holds", "do not lie within", oneTensor(.init("a", [9], [0, 0, 0, 0]))),
        ("an offset beyond the file", "do not lie within", oneTensor(.init("a", [1], [0, 0, 0, 0], offset: 1 << 62))),
        ("an offset off the alignment", "no multiple", oneTensor(.init("a", [1], [0, 0, 0, 0], offset: 4))),
        ("shared bytes", "shares bytes", { $0.tensors[1].offset = 0 }),
        ("more of a type of the future than bits", "do not lie", oneTensor(.init("a", [4096], type: 99, [0, 0]))),
    ]

    private static var good: GGUFBytes {
        var file = GGUFBytes()
        file.metadata = [("general.architecture", .string("llama")), ("x.array", .array(2, [.u16(1), .u16(2)]))]
        file.tensors = [.init("a", shape: [2, 2], values: [1, 2, 3, 4]), .init("b", shape: [3], values: [5, 6, 7])]
        return file
    }

    @Test(arguments: broken.indices)
    func `a header that breaks the format is an error of its own that names the file`(_ index: Int) throws {
        let broken = Self.broken[index]
        var file = Self.good
        broken.change(&file)
        let folder = try TemporaryFolder()
        let path = try folder.write(file.bytes, to: "model.gguf")
        let error = #expect(throws: ModelError.self, "\(broken.name)") { try GGUF(path) }
        let text = error?.description ?? ""
        #expect(text.contains(path) && text.contains(broken.words), "\(broken.name): \(text)")
    }

    @Test func `every truncation of a good file is a typed error`() throws {
        let bytes = Self.good.bytes
        // Behind the last tensor lies its padding, which nobody misses.
        for count in 0..<bytes.count - 20 {
            #expect(throws: ModelError.self, "\(count) bytes") { try read(Array(bytes[..<count])) }
        }
        #expect(try read(Array(bytes[..<(bytes.count - 20)])).entries.count == 2)
    }

    @Test func `a changed byte of a good file never ends the process`() throws {
        let bytes = Self.good.bytes
        for index in bytes.indices {
            for value: UInt8 in [0, 0x7F, 0x80, 0xFF] {
                var changed = bytes
                changed[index] = value
                // Whether it still reads depends on the byte; every entry that is given lies in the file.
                guard let gguf = try? read(changed) else { continue }
                #expect(gguf.entries.values.allSatisfy { $0.range.upperBound <= bytes.count })
            }
        }
    }

    @Test func `a path is meant as GGUF when it is a file or is called one`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write([1], to: "weights")
        #expect(try GGUF.isMeant(by: file) && GGUF.isMeant(by: folder.path + "/absent.gguf"))
        #expect(try !GGUF.isMeant(by: folder.path) && !GGUF.isMeant(by: folder.path + "/absent"))
    }
}
