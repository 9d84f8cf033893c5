import Foundation
import Hummingbird
import HummingbirdTesting
import Testing

@testable import HTTPAPI

/// A body that is not JSON, and the byte where it goes wrong.
struct BadBody: Sendable, CustomTestStringConvertible {
    let text: String
    let offset: Int

    var testDescription: String { "\(text.prefix(40)) (\(text.utf8.count) bytes)" }
}

@Suite struct RequestBodyTests {
    @Test(arguments: [
        BadBody(text: "", offset: 0), BadBody(text: "{", offset: 1), BadBody(text: "nonsense", offset: 0),
        BadBody(text: #"{"messages":[}"#, offset: 13),
        BadBody(text: #"{"temperature":1e999,"messages":[]}"#, offset: 20),
        BadBody(text: String(repeating: "[", count: 100_000), offset: 64), BadBody(text: "\u{FEFF}{}", offset: 0),
        BadBody(text: #"{"a":1,"a":2}"#, offset: 12),
        BadBody(text: #"{"messages":[{"role":"user","content":"\ud800"}]}"#, offset: 45),
        BadBody(text: "[" + String(repeating: "0,", count: 1_000_000) + "0]", offset: 1_999_999),
    ])
    func `a body that is not JSON is 400 with the place where it goes wrong`(bad: BadBody) async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let response = try await client.post("/v1/chat/completions", bad.text)
            #expect(response.status == .badRequest)
            let error = try response.error()
            #expect(error["type"] as? String == "Bad Request")
            #expect(error["param"] as? String == "body.\(bad.offset)")
            #expect((error["message"] as? String)?.contains("at byte \(bad.offset)") == true)
        }
    }

    @Test(arguments: ["[]", "5", "null"])
    func `a body of JSON that is not an object is 400`(body: String) async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let response = try await client.post("/v1/chat/completions", body)
            #expect(response.status == .badRequest)
            #expect(try response.error()["param"] as? String == "body")
        }
    }

    @Test(arguments: [String.Encoding.utf16, .utf16LittleEndian, .utf32, .isoLatin1])
    func `a body in another encoding than UTF-8 is 400`(encoding: String.Encoding) async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        let body = try #require(#"{"messages":[{"role":"user","content":"é"}]}"#.data(using: encoding))
        try await service.serve { client in
            let response = try await client.execute(
                uri: "/v1/chat/completions", method: .post, headers: [.contentType: "application/json"],
                body: ByteBuffer(bytes: body)
            ) { $0 }
            #expect(response.status == .badRequest)
            #expect(try response.error()["type"] as? String == "Bad Request")
        }
    }

    @Test func `a large body is read aside and answered like a small one`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            let large = #""user":"\#(String(repeating: "x", count: 100_000))""#
            #expect(try await client.chat(large).status == .ok)
            let refused = try await client.chat(large + #","n":0"#)
            #expect(refused.status == .badRequest)
            #expect(try refused.error()["param"] as? String == "n")
        }
    }
}
