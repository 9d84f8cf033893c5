import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Jobs
import Testing

@testable import HTTPAPI

@Suite struct RouteTests {
    @Test(arguments: [
        ("/v1/models/scripted", 200), ("/v1/models/alias/other", 200), ("/v1/models/alias%2Fother", 200),
        ("/v1/models/nope", 404), ("/v1/models/alias%2", 404), ("/nope", 404), ("/", 200), ("/v1", 404),
        ("/v1/version", 200), ("/version", 200), ("/v1/metadata", 200), ("/v1/license", 200),
        ("/v1/manifest", 200), ("/metrics", 200), ("/v1/metrics", 200), ("/openapi.json", 200), ("/docs", 200),
        ("/v1/status", 200), ("/dashboard.js", 200), ("/dashboard.css", 200), ("/tokenize", 405), ("/health", 200),
        ("/ping", 200),
        ("/v1/jobs", 200), ("/v1/jobs/job_none", 404), ("/v1/jobs?limit=0", 400), ("/v1/jobs?limit=x", 400),
        ("/v1/jobs?after=job_none", 404), ("/v1/chat/completions", 405),
    ])
    func `every path answers, in the error's shape where it is one`(path: String, status: Int) async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let response = try await client.get(path)
            #expect(response.status.code == status)
            if status >= 400 { #expect(try response.error()["code"] as? Int == status) }
        }
    }

    @Test func `a method that a path lacks is 405 with those it has`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let response = try await client.execute(uri: "/v1/models", method: .put) { $0 }
            #expect(response.status == .methodNotAllowed)
            #expect(response.headers[.allow] == "GET, HEAD")
            #expect(try response.error()["type"] as? String == "Method Not Allowed")
            #expect(try await client.execute(uri: "/v1/models", method: .head) { $0.status } == .ok)
        }
    }

    @Test(arguments: [
        (ServiceHealth.State.starting, 503), (.ready, 200), (.draining, 503), (.broken, 503),
    ])
    func `readiness follows the service, liveness does not`(state: ServiceHealth.State, status: Int) async throws {
        let service = try TestService(ScriptedGenerator([]))
        service.health.state = state
        try await service.serve { client in
            let ready = try await client.get("/v1/health/ready")
            #expect(ready.status.code == status)
            #expect(try await client.get("/health").status.code == status)
            #expect(try await client.get("/v1/health/live").status == .ok)
        }
    }

    @Test(arguments: [
        (nil, 401), ("Bearer wrong", 401), ("Bearer ", 401), ("Basic key-one", 401), ("key-one", 401),
        ("Bearer key-on", 401), ("Bearer key-one", 200), ("bearer key-two", 200),
    ])
    func `with keys, everything but health asks for one`(authorization: String?, status: Int) async throws {
        let service = try TestService(ScriptedGenerator([])) { $0.apiKeys = ["key-one", "key-two"] }
        try await service.serve { client in
            let headers: HTTPFields = authorization.map { [.authorization: $0] } ?? [:]
            for path in [
                "/v1/models", "/v1/jobs", "/v1/version", "/v1/metadata", "/metrics", "/v1/metrics", "/openapi.json",
                "/docs", "/v1/status",
                "/v1/license", "/v1/manifest",
            ] {
                let response = try await client.get(path, headers: headers)
                #expect(response.status.code == status)
                if status == 401 { #expect(try response.error()["type"] as? String == "AuthenticationError") }
            }
            for path in ["/v1/health/ready", "/v1/health/live", "/health"] {
                #expect(try await client.get(path, headers: headers).status == .ok)
            }
        }
    }

    @Test(arguments: [("abc-123", true), ("x y", false), ("", false), (String(repeating: "a", count: 129), false)])
    func `a harmless request id is echoed, any other replaced`(id: String, isEchoed: Bool) async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let answered = try #require(
                try await client.get("/nope", headers: [.requestID: id]).headers[.requestID])
            #expect((answered == id) == isEchoed)
            #expect(isEchoed || answered.count == 32)
        }
    }

    @Test func `respond-async answers 202 with a job that then holds the answer`() async throws {
        let service = try TestService(ScriptedGenerator(["a ", "cat"]))
        try await service.serve { client in
            let accepted = try await client.chat(headers: [
                .contentType: "application/json", .prefer: "wait=5, respond-async",
            ])
            #expect(accepted.status == .accepted)
            #expect(accepted.headers[.preferenceApplied] == "respond-async")
            let location = try #require(accepted.headers[.location])
            let id = try #require(try accepted.json()["id"] as? String)
            #expect(location == "/v1/jobs/\(id)")
            for await _ in service.store.changes(of: JobID(rawValue: id)) {}
            let job = try await client.get(location).json()
            #expect(job["status"] as? String == "completed")
            #expect((job["response"] as? [String: Any])?["object"] as? String == "chat.completion")
            #expect(job["error"] is NSNull)
            let results = try await client.get("\(location)/results?limit=1").json()
            let rows = try #require(results["data"] as? [[String: Any]])
            #expect(rows.count == 1 && results["has_more"] as? Bool == false)
            #expect((rows[0]["response"] as? NSObject) == (job["response"] as? NSObject))
            #expect(try await client.get("\(location)/requests?state=failed").json()["last_id"] is NSNull)
            #expect(try await client.get("\(location)/requests?state=odd").status == .badRequest)
            let events = try await client.get("\(location)/events")
            #expect(events.frames.count == 1 && events.frames[0].contains(#""status":"completed""#))
        }
    }

    @Test func `jobs are paged newest first and steered`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        var ids: [String] = []
        for number in 0..<5 {
            let job = NewJob(kind: "test", label: "job \(number)", model: "m")
            ids.append(try await service.store.openJob(job).job.id.rawValue)
        }
        let expected = Array(ids.reversed())
        try await service.serve { client in
            var seen: [String] = []
            var after = ""
            while true {
                let page = try await client.get("/v1/jobs?limit=2\(after)").json()
                seen += try #require(page["data"] as? [[String: Any]]).compactMap { $0["id"] as? String }
                guard page["has_more"] as? Bool == true else { break }
                after = "&after=\(try #require(page["last_id"] as? String))"
            }
            #expect(seen == expected)
            func status(_ action: String) async throws -> String? {
                try await client.post("/v1/jobs/\(expected[0])/\(action)", "", headers: [:]).json()["status"] as? String
            }
            #expect(try await status("pause") == "paused")
            #expect(try await status("resume") != "paused")
            #expect(try await status("cancel") == "cancelled")
            let deleted = try await client.execute(uri: "/v1/jobs/\(expected[1])", method: .delete) { $0 }
            #expect(try deleted.json()["status"] as? String == "cancelled")
            #expect(try await client.post("/v1/jobs/job_none/cancel", "").status == .notFound)
        }
    }
}
