import Foundation
import Testing

@testable import Models

struct SafetensorsTests {
    @Test func `tensors are found where the header says`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            SafetensorsBytes.file(["a": ([2, 2], [1, 2, 3, 4]), "b": ([], [5])]), to: "model.safetensors")
        let file = try Safetensors(path)
        let first = try #require(file.entries["a"])
        #expect(first.shape == [2, 2] && first.type.name == "F32" && first.count == 4)
        #expect(file.bytes(of: first).loadUnaligned(fromByteOffset: 12, as: Float.self) == 4)
        let scalar = try #require(file.entries["b"])
        #expect(scalar.shape.isEmpty && scalar.count == 1)
        #expect(file.bytes(of: scalar).loadUnaligned(as: Float.self) == 5)
    }

    @Test func `padding behind the header, metadata and empty tensors are allowed`() throws {
        let folder = try TemporaryFolder()
        let header = #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[0,4],"data_offsets":[0,0]}}      "#
        let path = try folder.write(SafetensorsBytes.file(header: header, data: 0), to: "model.safetensors")
        #expect(try Safetensors(path).entries["a"]?.shape == [0, 4])
    }

    @Test func `a type of the future does not stop the file from being read`() throws {
        let folder = try TemporaryFolder()
        let header = #"{"a":{"dtype":"F3_E1M1","shape":[8],"data_offsets":[0,3]}}"#
        let path = try folder.write(SafetensorsBytes.file(header: header, data: 3), to: "model.safetensors")
        #expect(try Safetensors(path).entries["a"]?.type.computeType == nil)
    }

    /// Each is a header and the count of data bytes behind it.
    static let brokenHeaders: [(name: String, header: String, data: Int)] = [
        ("no JSON", "nonsense", 0),
        ("an array", "[1,2]", 0),
        ("white space before the object", " {}", 0),
        ("an unfinished object", #"{"a":{"dtype":"F32""#, 0),
        ("something behind the object", "{}{}", 0),
        ("a NUL behind the object", "{}\u{0}", 0),
        ("a name twice", entry("a", 0, 4) + "," + entry("a", 4, 8), 8),
        ("a name twice, once escaped", entry("a", 0, 4) + "," + entry("\\u0061", 4, 8), 8),
        ("a key twice in an entry", #"{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("an entry that is a number", #"{"a":7}"#, 0),
        ("no dtype", #"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("a dtype that is a number", #"{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("no shape", #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4),
        ("a shape that is a number", #"{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}"#, 4),
        ("a negative dimension", #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4),
        ("a fractional dimension", #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4),
        (
            "a dimension beyond 64 bits", #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#,
            4
        ),
        ("a dimension of 1e400", #"{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}"#, 4),
        ("a product that overflows", #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0),
        (
            "a product that wraps round to the right size",
            #"{"a":{"dtype":"U8","shape":[4611686018427387905,4],"data_offsets":[0,4]}}"#, 4
        ),
        (
            "a huge dimension beside an empty one",
            #"{"a":{"dtype":"F32","shape":[144115188075855872,0],"data_offsets":[0,0]}}"#, 0
        ),
        (
            "an empty dimension that hides a product that overflows",
            #"{"a":{"dtype":"F32","shape":[1099511627776,1099511627776,0],"data_offsets":[0,0]}}"#, 0
        ),
        (
            "elements of a type of the future without bytes",
            #"{"a":{"dtype":"Q9","shape":[4611686018427387904],"data_offsets":[0,0]}}"#, 0
        ),
        (
            "more elements of a type of the future than bits",
            #"{"a":{"dtype":"Q9","shape":[33],"data_offsets":[0,4]}}"#, 4
        ),
        ("nine dimensions", #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#, 4),
        ("no offsets", #"{"a":{"dtype":"F32","shape":[1]}}"#, 4),
        ("one offset", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4),
        ("offsets as strings", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":["0","4"]}}"#, 4),
        ("a negative offset", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4),
        ("a fractional offset", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4.0]}}"#, 4),
        ("offsets the wrong way round", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4),
        ("an offset beyond the file", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4),
        (
            "the largest offset",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}"#, 4
        ),
        ("bytes that do not fit the shape", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
        ("bytes that do not fit the type", #"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("half a byte", #"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,0]}}"#, 0),
        ("overlapping tensors", entry("a", 0, 4) + "," + entry("b", 2, 6), 6),
        ("two tensors in one place", entry("a", 0, 4) + "," + entry("b", 0, 4), 4),
        ("a hole between tensors", entry("a", 0, 4) + "," + entry("b", 8, 12), 12),
        ("a hole before the first", entry("a", 4, 8), 8),
        ("bytes behind the last", entry("a", 0, 4), 5),
        ("metadata that are no strings", #"{"__metadata__":{"format":1}}"#, 0),
        ("metadata that are an array", #"{"__metadata__":[]}"#, 0),
        ("nesting without end", "{\"a\":" + String(repeating: "[", count: 10_000), 0),
        ("a lone surrogate in a name", #"{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4),
    ]

    private static func entry(_ name: String, _ start: Int, _ end: Int) -> String {
        #""\#(name)":{"dtype":"F32","shape":[1],"data_offsets":[\#(start),\#(end)]}"#
    }

    @Test(arguments: brokenHeaders.indices)
    func `a header that breaks the format is a typed error that names the file`(_ index: Int) throws {
        let broken = Self.brokenHeaders[index]
        let header = broken.header.hasPrefix("\"") ? "{\(broken.header)}" : broken.header
        try expectError(SafetensorsBytes.file(header: header, data: broken.data), broken.name)
    }

    @Test(arguments: [
        ("empty", [UInt8]()),
        ("shorter than a length", [1, 2, 3]),
        ("length 0", SafetensorsBytes.file(header: "", data: 0)),
        ("length 2⁶³", SafetensorsBytes.file(header: "{}", data: 0, length: 1 << 63)),
        ("length 2⁶⁴ − 1", SafetensorsBytes.file(header: "{}", data: 0, length: .max)),
        ("length beyond 100 MB", SafetensorsBytes.file(header: "{}", data: 0, length: 100_000_001)),
        ("length beyond the file", SafetensorsBytes.file(header: "{}", data: 0, length: 3)),
        ("length within the object", SafetensorsBytes.file(header: "{\"a\":1}", data: 0, length: 4)),
        ("a header that is not UTF-8", SafetensorsBytes.file(header: "{\"", data: 0, length: 5) + [0xFF, 0x22, 0x7D]),
    ])
    func `a file with a false length is a typed error that names the file`(_ name: String, _ bytes: [UInt8]) throws {
        try expectError(bytes, name)
    }

    @Test func `every truncation of a good file is a typed error`() throws {
        let bytes = SafetensorsBytes.file(["a": ([2], [1, 2]), "b": ([1], [3])])
        for count in bytes.indices { try expectError(Array(bytes[..<count]), "\(count) bytes") }
    }

    @Test(arguments: ["directory", "link to a directory", "dangling link", "FIFO", "absent"])
    func `what is no regular file is a typed error, and does not hang`(_ kind: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/model.safetensors"
        switch kind {
        case "directory": mkdir(path, 0o700)
        case "link to a directory": symlink(folder.path, path)
        case "dangling link": symlink("/nowhere/at/all", path)
        case "FIFO": mkfifo(path, 0o600)
        default: break
        }
        let error = #expect(throws: ModelError.self) { try Safetensors(path) }
        #expect(error?.description.contains(path) == true)
    }

    @Test func `a link to a regular file is followed, as hub caches need`() throws {
        let folder = try TemporaryFolder()
        try folder.write(SafetensorsBytes.file(["a": ([1], [1])]), to: "blob")
        symlink("blob", folder.path + "/model.safetensors")
        #expect(try Safetensors(folder.path + "/model.safetensors").entries.count == 1)
    }

    private func expectError(_ bytes: [UInt8], _ name: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(bytes, to: "model.safetensors")
        let error = #expect(throws: ModelError.self, "\(name)") { try Safetensors(path) }
        #expect(error?.description.contains(path) == true, "\(name): \(error?.description ?? "")")
    }
}
