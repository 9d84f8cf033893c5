import Testing

@testable import HTTPAPI

/// Forms taken apart, wherever they are cut and whatever is in them.
@Suite struct MultipartParserTests {
    /// What a body's parts are, put together again.
    private struct Part: Equatable {
        let head: PartHead
        var content: [UInt8] = []
    }

    private static func parts(
        of body: [UInt8], cutAt cuts: [Int] = [], boundary: String = "xyz"
    ) throws -> [Part] {
        var parser = try MultipartParser(contentType: "multipart/form-data; boundary=\(boundary)")
        var parts: [Part] = []
        var start = 0
        for end in cuts + [body.count] {
            for event in try parser.parse(Array(body[start..<end])) {
                switch event {
                case .begin(let head): parts.append(Part(head: head))
                case .content(let bytes):
                    #expect(!bytes.isEmpty)
                    parts[parts.count - 1].content += bytes
                case .end: break
                }
            }
            start = end
        }
        try parser.finish()
        return parts
    }

    private static func head(_ disposition: String) throws -> PartHead {
        try PartHead(Array("Content-Disposition: \(disposition)".utf8))
    }

    private static let body = Array(
        """
        a preamble\r\n--xyz \t\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--xyz\r
        content-type: application/octet-stream\r\nCONTENT-DISPOSITION: form-data; name="file"; filename="ä.jsonl"\r
        \r\n{"a":1}\r\n\r\n--xy\r\n--xz\n--xyz\r\r\n--xyz\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r
        --xyz--\r\nan epilogue\r\n--xyz
        """.utf8)

    private static let expected = [
        ("purpose", nil, "batch"), ("file", "ä.jsonl", "{\"a\":1}\r\n\r\n--xy\r\n--xz\n--xyz\r"), ("empty", nil, ""),
    ]

    private static func check(_ parts: [Part]) {
        #expect(parts.map(\.head.name) == expected.map(\.0))
        #expect(parts.map(\.head.filename) == expected.map(\.1))
        #expect(parts.map { String(decoding: $0.content, as: UTF8.self) } == expected.map(\.2))
    }

    @Test func `a body cut anywhere is the same form`() throws {
        for cut in 0...Self.body.count { Self.check(try Self.parts(of: Self.body, cutAt: [cut])) }
        Self.check(try Self.parts(of: Self.body, cutAt: Array(0..<Self.body.count)))
    }

    @Test func `no part of a body is the whole form`() throws {
        let end = try #require(Self.body.indices.last { Self.body[$0...].starts(with: "--xyz--".utf8) })
        for length in 0..<(end + 7) {
            #expect(throws: APIError.self) { try Self.parts(of: Array(Self.body[..<length])) }
        }
        Self.check(try Self.parts(of: Array(Self.body[..<(end + 7)])))
    }

    @Test(arguments: [
        "", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=\(String(repeating: "x", count: 71))", "multipart/form-data; boundary=ä",
        "multipart/form-data; boundary=\"x", "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=\"x\u{1}\"",
    ])
    func `without a boundary nothing is read`(type: String) {
        #expect(throws: APIError.self) { try MultipartParser(contentType: type) }
    }

    @Test(arguments: ["a", "\"a b\"", "\"a\"; charset=utf-8", "----WebKitFormBoundaryABC'()+_,-./:=?"])
    func `boundaries are taken as they are sent`(boundary: String) throws {
        let plain = boundary.split(separator: ";")[0].replacing("\"", with: "")
        let body = "--\(plain)\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--\(plain)--"
        #expect(try Self.parts(of: Array(body.utf8), boundary: boundary).map(\.content) == [Array("b".utf8)])
    }

    private static let hostile = [
        "no boundary": String(repeating: "x", count: 100_000),
        "something after the boundary": "--xyzz\r\n",
        "endless padding": "--xyz" + String(repeating: " ", count: 1000),
        "endless headers": "--xyz\r\nX: " + String(repeating: "x", count: 20_000),
        "header without colon": "--xyz\r\nnonsense\r\n\r\n",
        "no disposition": "--xyz\r\nContent-Type: text/plain\r\n\r\n",
        "no name": "--xyz\r\nContent-Disposition: form-data\r\n\r\n",
        "empty name": "--xyz\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n",
        "two names": "--xyz\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n",
        "two dispositions":
            "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n",
        "another disposition": "--xyz\r\nContent-Disposition: attachment; name=a\r\n\r\n",
        "nested":
            "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        "encoded":
            "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        "open quotation": "--xyz\r\nContent-Disposition: form-data; name=\"a\r\n\r\n",
        "many parts": String(
            repeating: "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", count: 33) + "--xyz--",
    ]

    @Test(arguments: hostile.keys.sorted())
    func `what is no form is refused, before much of it is kept`(name: String) throws {
        let body = try #require(Self.hostile[name])
        #expect(throws: APIError.self) {
            var parser = try MultipartParser(contentType: "multipart/form-data; boundary=xyz")
            for start in stride(from: 0, to: body.utf8.count, by: 1000) {
                _ = try parser.parse(Array(body.utf8.dropFirst(start).prefix(1000)))
            }
            // No `finish`: it is refused for what it is, not for its missing end.
        }
    }

    @Test func `headers that are not UTF-8 are refused`() {
        #expect(throws: APIError.self) {
            try PartHead(Array("Content-Disposition: form-data; name=\"".utf8) + [0xFF, 0x22])
        }
    }

    private static let filenames = [
        ("form-data; name=\"f\"; filename=\"a.jsonl\"", "a.jsonl"), ("form-data; name=f; filename=a.jsonl", "a.jsonl"),
        ("form-data; name=\"f\"; filename=\"a \\\"b\\\" \\\\ c.jsonl\"", "a \"b\" \\ c.jsonl"),
        ("form-data; name=\"f\"; filename=\"a%22b.jsonl\"", "a%22b.jsonl"),
        ("form-data; name=\"f\"; filename=\"/etc/passwd\"", "passwd"),
        ("form-data; name=\"f\"; filename=\"../../x\"", "x"), ("form-data; name=\"f\"; filename=\"a;b=c\"", "a;b=c"),
        ("form-data; filename=\"日本.jsonl\"; name=\"f\"", "日本.jsonl"),
        ("form-data; name=f; filename=\"a\"; filename*=UTF-8''%e6%97%a5%20x", "日 x"),
    ]

    @Test(arguments: filenames)
    func `a file's name is what its client called it`(disposition: String, name: String) throws {
        #expect(try Self.head(disposition).filename == name)
    }

    @Test(arguments: [
        "filename=\"\"", "filename=\"/\"", "filename=\"a\u{1}b\"", "filename*=UTF-8''%ff", "filename*=latin1''a",
        "filename*=a", "filename=\"\(String(repeating: "x", count: 256))\"",
    ])
    func `a name that no file can have is refused`(parameter: String) {
        #expect(throws: APIError.self) { try Self.head("form-data; name=f; \(parameter)") }
    }

    @Test func `binary content comes through as it is`() throws {
        let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) } + Array("\r\n--xy\r\r\n--".utf8)
        let body =
            Array("--xyz\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n".utf8) + content
            + Array("\r\n--xyz--\r\n".utf8)
        let cuts = Array(stride(from: 0, to: body.count, by: 16_384))
        #expect(try Self.parts(of: body, cutAt: cuts).map(\.content) == [content])
    }
}
