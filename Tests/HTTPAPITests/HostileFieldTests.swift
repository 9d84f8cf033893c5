import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Jobs
import Testing

@testable import HTTPAPI

/// Every field with every kind of value, every route without a key, and JSON at its edges.
@Suite struct HostileFieldTests {
    private static let values = [
        "null", "true", "-1", "0", "-0", "1.5", "1e300", "1e-300", "9223372036854775807", "9223372036854775808",
        "-9223372036854775809", #""""#, #""x""#, #""\u0000""#, "[]", "[null]", "[[]]", "[-1]", "[9223372036854775808]",
        "{}", #"{"":null}"#, #"{"a":{"a":[]}}"#, #"{"type":"x"}"#, #"[{"type":[]}]"#,
    ]

    @Test(.timeLimit(.minutes(5))) func `whatever stands in a field, the answer is no error of ours`() async throws {
        let service = try TestService(ScriptedGenerator(["a"]))
        try await service.serve { client in
            let document = try await client.get("/openapi.json").json()
            let schemas = (document["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]]
            let properties = schemas?["ChatCompletionRequest"]?["properties"] as? [String: Any]
            let fields = try #require(properties).keys + ["best_of", "use_beam_search", "priority", "user", "metadata"]
            #expect(fields.count > 40)
            var answered = 0
            for field in fields {
                for value in Self.values {
                    let message = field == "messages" ? "" : #""messages":[{"role":"user","content":"a"}],"#
                    let response = try await client.post(
                        "/v1/chat/completions", "{\(message)\"\(field)\":\(value)}")
                    let status = response.status.code
                    #expect([200, 400, 404].contains(status), "\(field): \(value): \(response.text)")
                    if status == 200 { answered += 1 }
                    guard status >= 400 else { continue }
                    #expect(try response.error()["param"] is String, "\(field): \(value): \(response.text)")
                    #expect(response.body.readableBytes < 4096)
                }
            }
            // At least null everywhere.
            #expect(answered > fields.count)
        }
    }

    @Test func `JSON at its edges is read or refused, never half read`() async throws {
        let service = try TestService(ScriptedGenerator(["a"]))
        try await service.serve { client in
            let keys = (0..<100_000).map { #""k\#($0)":0"# }.joined(separator: ",")
            for (fields, status) in [
                (#""temperature":1e309"#, 400), (#""temperature":-0"#, 200), (#""seed":1e30"#, 400),
                (#""user":"a\u0000b""#, 200), ("\"user\":\"a\u{0}b\"", 400), (#""user":"\udc00\ud800""#, 400),
                (#""user":"\ud83d\ude00""#, 200), (#""a":NaN"#, 400), (#""a":Infinity"#, 400), (#""a":01"#, 400),
                (#""a":.5"#, 400), (#""a":'b'"#, 400), (#""a":1,"#, 400), (#""a":1}{"b":1"#, 400), (keys, 200),
                (#""messages":[]"#, 400),
            ] {
                let response = try await client.chat(fields)
                #expect(response.status.code == status, "\(fields.prefix(40)): \(response.text.prefix(300))")
            }
        }
    }

    /// What is open to everybody; a route that is not named here asks for a key.
    private static let open: Set<String> = [
        "/", "/dashboard.js", "/dashboard.css", "/v1/health/live", "/v1/health/ready", "/health", "/ping",
    ]

    @Test(arguments: [nil, "Basic a2V5", "Bearer", "Bearer wrong", "key", "Bearer key extra", "Bearer  key"])
    func `every route but those that are meant to be open asks for a key`(authorization: String?) async throws {
        let service = try TestService(ScriptedGenerator(["never"])) { $0.apiKeys = ["key"] }
        try await service.serve { client in
            var headers: HTTPFields = [.contentType: "application/json", .origin: "http://evil.example"]
            headers[.authorization] = authorization
            let routes = service.server.routes
            #expect(routes.count > 40)
            for route in routes {
                let parts = route.split(separator: " ").map(String.init)
                let path = parts[1].replacing(/\{[^}]*\}/, with: "x")
                guard let method = HTTPRequest.Method(parts[0]) else { continue }
                let response = try await client.execute(
                    uri: path + "?api_key=key&key=key&access_token=key", method: method, headers: headers,
                    body: ByteBuffer(string: "{}")
                ) { $0 }
                #expect((response.status == .unauthorized) == !Self.open.contains(path), "\(route): \(response.status)")
                let asked = try await client.execute(uri: path, method: .options, headers: headers) { $0 }
                #expect(asked.status.code >= 400 && asked.headers[.accessControlAllowOrigin] == nil, "OPTIONS \(path)")
            }
            #expect(try await service.store.jobs(limit: 1).isEmpty)
        }
    }
}
