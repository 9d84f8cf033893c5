import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import HTTPAPI

struct DocumentTests {
    @Test func `the document has every route, and no route that is not there`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let document = try await client.get("/openapi.json").json()
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            let described = Set(
                paths.flatMap { path, operations in operations.keys.map { "\($0.uppercased()) \(path)" } })
            let served = service.server.routes.filter { !$0.hasPrefix("HEAD ") }
            #expect(described == Set(served))
            let names = paths.values.flatMap(\.values).compactMap { ($0 as? [String: Any])?["operationId"] as? String }
            #expect(Set(names).count == described.count)
        }
    }

    @Test func `the page for people reads the document`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let page = try await client.get("/docs")
            #expect(page.headers[.contentType] == "text/html; charset=utf-8")
            #expect(page.text.contains(#"fetch("openapi.json")"#))
        }
    }

    @Test func `licence and manifest tell what was loaded`() async throws {
        let service = try TestService(ScriptedGenerator([])) { $0.license = License(name: "LICENSE", text: "Be kind.") }
        try await service.serve { client in
            let license = try await client.get("/v1/license").json()
            #expect(license["name"] as? String == "LICENSE" && license["content"] as? String == "Be kind.")
            #expect(license["size"] as? Int == 8 && (license["sha"] as? String)?.count == 64)
            let manifest = try #require(try await client.get("/v1/manifest").json()["manifest_file"] as? String)
            #expect(manifest.contains("model: \"scripted\"\n") && manifest.contains("weights_sha256: \"00ff\"\n"))
        }
        let bare = try TestService(ScriptedGenerator([]))
        try await bare.serve { client in
            let license = try await client.get("/v1/license").json()
            #expect(license["name"] is NSNull)
        }
    }
}

struct CrossOriginTests {
    private static let origin: HTTPFields = [.origin: "https://a.org"]

    @Test func `no origin is allowed unless it was named`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let response = try await client.get("/v1/models", headers: Self.origin)
            #expect(response.headers[.accessControlAllowOrigin] == nil)
        }
    }

    @Test(arguments: [
        (["https://a.org"], "https://a.org"), (["https://b.org", "https://a.org"], "https://a.org"), (["*"], "*"),
        (["https://b.org"], nil), (["https://a.org:443"], nil),
    ])
    func `a named origin may read answers and errors`(origins: [String], allowed: String?) async throws {
        let service = try TestService(ScriptedGenerator([])) { $0.allowedOrigins = origins }
        try await service.serve { client in
            for path in ["/v1/models", "/nope"] {
                let response = try await client.get(path, headers: Self.origin)
                #expect(response.headers[.accessControlAllowOrigin] == allowed)
            }
            #expect(try await client.get("/v1/models").headers[.accessControlAllowOrigin] == nil)
        }
    }

    @Test func `a browser's question is answered without a key`() async throws {
        let service = try TestService(ScriptedGenerator([])) {
            $0.allowedOrigins = ["https://a.org"]
            $0.apiKeys = ["k"]
        }
        try await service.serve { client in
            var headers = Self.origin
            headers[.accessControlRequestMethod] = "POST"
            headers[.accessControlRequestHeaders] = "authorization"
            let asked = try await client.execute(uri: "/v1/chat/completions", method: .options, headers: headers) { $0 }
            #expect(asked.status == .noContent && asked.headers[.accessControlAllowOrigin] == "https://a.org")
            #expect(asked.headers[.accessControlAllowHeaders] == "authorization")
            #expect(try await client.get("/v1/models", headers: Self.origin).status == .unauthorized)
        }
    }
}
