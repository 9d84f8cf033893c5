import Testing

@testable import Models

struct JSONParserTests {
    private func parse(_ text: String) throws -> JSONValue {
        try Array(text.utf8).withUnsafeBytes { try JSONParser.parse($0, file: "test.json") }
    }

    @Test(arguments: [
        ("null", JSONValue.null), (" true ", .boolean(true)), ("false", .boolean(false)), ("-0", .integer(0)),
        ("9223372036854775807", .integer(.max)), ("9223372036854775808", .number(9.223372036854775808e18)),
        ("1.50", .number(1.5)), ("-2E-2", .number(-0.02)), ("1e5", .number(100_000)),
        (#""a\"\\\/\b\f\n\r\té€\ud83d\ude00""#, .string("a\"\\/\u{8}\u{C}\n\r\té€😀")),
        (#"[1,[2],{"k":null}]"#, .array([.integer(1), .array([.integer(2)]), .object(["k": .null])])),
        ("[ ]", .array([])), ("{ }", .object([:])),
        (#"{"a" : 1 , "b":2}"#, .object(["a": .integer(1), "b": .integer(2)])),
    ])
    func `valid texts are read`(_ text: String, _ expected: JSONValue) throws {
        #expect(try parse(text) == expected)
    }

    @Test(arguments: [
        "", " ", "nul", "True", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "NaN", "Infinity", "1e309", "'a'",
        "\"a", "\"\u{1}\"", #""\x""#, #""\u12""#, #""\u12g4""#, #""\ud800""#, #""\ud800A""#, #""\udc00""#,
        "[1,]", "[1 2]", "[", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}",
        "1 2",
        "\u{FEFF}{}", "{}\u{B}",
    ])
    func `invalid texts are errors that name the file`(_ text: String) throws {
        let error = #expect(throws: ModelError.self) { try parse(text) }
        #expect(error?.description.contains("test.json") == true)
    }

    @Test func `nesting is limited`() throws {
        let deep = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
        #expect(throws: Never.self) { try parse(deep) }
        #expect(throws: ModelError.self) { try parse("[" + deep + "]" + "]") }
        #expect(throws: ModelError.self) { try parse(String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test func `the count of values is limited, however small they are`() throws {
        func parse(_ text: String) throws -> JSONValue {
            try Array(text.utf8).withUnsafeBytes { try JSONParser.parse($0, file: "test.json", mostValues: 4) }
        }
        #expect(try parse("[0,0,0]") == .array([.integer(0), .integer(0), .integer(0)]))
        let error = #expect(throws: ModelError.self) { try parse("[0,[],{\"a\":0}]") }
        #expect(error?.description.contains("too many values") == true)
    }
}
