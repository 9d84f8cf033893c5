import Foundation
import HTTPTypes
import HummingbirdTesting
import Inference
import Jobs
import Synchronization
import Testing
import Workers

@testable import HTTPAPI

/// `POST /v1/jobs`: what is taken, what is refused, and that nothing is stored before everything was looked at.
@Suite struct JobOrderTests {
    /// Keeps orders as jobs without requests.
    private final class Orders: JobIntake {
        let store: JobStore
        let taken = Mutex<[JobOrder]>([])

        init(_ store: JobStore) { self.store = store }

        func accept(_ order: JobOrder) async throws -> (job: Job, isNew: Bool) {
            if case .recipe("unknown") = order.question {
                throw JobRefusal.invalid(param: "recipe", reason: "There is no recipe \"unknown\".")
            }
            taken.withLock { $0.append(order) }
            let job = NewJob(
                kind: "directory", label: order.label ?? "none", model: "m", priority: order.priority,
                specification: #"{"recipe":"caption","metadata":{"b":"2","a":"1"}}"#,
                deduplicationKey: order.deduplicationKey)
            let (known, isNew) = try await store.create(job, isSealed: false)
            guard known.label == job.label else { throw JobRefusal.otherOrder(known.id) }
            return (known, isNew)
        }

        func postprocessing(of job: Job) -> (@Sendable (String) -> String)? { { $0.uppercased() } }
    }

    /// A root with an image, a link out of it, and a directory beside it whose name begins like the root's.
    private struct Place {
        let path: String

        init() throws {
            path = NSTemporaryDirectory() + "orders-\(UUID().uuidString)"
            for folder in ["root/sub", "root-secret", "elsewhere"] {
                try FileManager.default.createDirectory(
                    atPath: path + "/" + folder, withIntermediateDirectories: true)
            }
            try Data("x".utf8).write(to: URL(filePath: path + "/root/a.jpg"))
            try FileManager.default.createSymbolicLink(
                atPath: path + "/root/out", withDestinationPath: path + "/elsewhere")
        }

        func remove() throws { try FileManager.default.removeItem(atPath: path) }
    }

    private static func serve(
        roots: [String], _ body: @escaping @Sendable (any TestClientProtocol, Orders, JobStore) async throws -> Void
    ) async throws {
        let allowed = try AllowedRoots(roots)
        let service = try TestService(
            ScriptedGenerator([]), configure: { $0.allowedRoots = allowed }, intake: Orders.init)
        try await service.serve { client in
            try await body(client, try #require(service.intake as? Orders), service.store)
        }
    }

    @Test func `an order becomes a job that is told with its metadata`() async throws {
        let place = try Place()
        try await Self.serve(roots: [place.path + "/root"]) { client, orders, _ in
            let answer = try await client.post(
                "/v1/jobs",
                """
                {"recipe":"caption","path":"\(place.path)/root/sub/../sub","max_tokens":9,"temperature":0.5,
                "max_tiles":2,"priority":"interactive","label":"mine","metadata":{"a":"1"}}
                """)
            #expect(answer.status == .created, "\(answer.text)")
            let job = try answer.json()
            let id = try #require(job["id"] as? String)
            #expect(answer.headers[.location] == "/v1/jobs/\(id)")
            #expect(job["priority"] as? String == "interactive" && job["sealed"] as? Bool == false)
            #expect(answer.text.contains(#""recipe":"caption","metadata":{"a":"1","b":"2"}"#))
            let order = try #require(orders.taken.withLock { $0.first })
            #expect(order.question == .recipe(name: "caption"))
            guard case .directory(let path) = order.images else { return #expect(Bool(false), "it is a directory") }
            #expect(path.hasSuffix("/root/sub") && (order.maxTokens, order.maxTiles) == (9, 2))
            #expect(order.temperature == 0.5 && order.label == "mine" && order.metadata == ["a": "1"])
            let shown = try await client.get("/v1/jobs/\(id)").text
            #expect(shown.contains(#""rate":null,"eta_seconds":null"#))
        }
        try place.remove()
    }

    private static let refusals: [(body: String, status: Int, param: String)] = [
        (#"{"recipe":"caption","path":"ROOT"}"#, 201, ""),
        (#"{"recipe":"caption","path":"ROOT/a.jpg"}"#, 400, "path"),
        (#"{"recipe":"caption","path":"ROOT/none"}"#, 403, "path"),
        (#"{"recipe":"caption","path":"ROOT/out"}"#, 403, "path"),
        (#"{"recipe":"caption","path":"ROOT/.."}"#, 403, "path"),
        (#"{"recipe":"caption","path":"ROOT-secret"}"#, 403, "path"),
        (#"{"recipe":"caption","path":"ROOT\u0000"}"#, 403, "path"),
        (#"{"recipe":"caption","path":"root"}"#, 400, "path"),
        (#"{"recipe":"caption"}"#, 400, "path"),
        (#"{"recipe":"caption","path":"ROOT","urls":["http://example.com/a"]}"#, 400, "urls"),
        (#"{"path":"ROOT"}"#, 400, "recipe"), (#"{"recipe":3,"path":"ROOT"}"#, 400, "body.recipe"),
        (#"{"recipe":"unknown","path":"ROOT"}"#, 400, "recipe"),
        (#"{"recipe":"caption","prompt":"p","path":"ROOT"}"#, 400, "prompt"),
        (#"{"prompt":"p","file_ids":["file-1","file-2","file-1"]}"#, 201, ""),
        (#"{"prompt":"p","file_ids":[]}"#, 400, "file_ids"),
        (#"{"prompt":"p","file_ids":["file-1",2]}"#, 400, "body.file_ids.1"),
        (#"{"prompt":"p","file_ids":["file-1"],"path":"ROOT"}"#, 400, "file_ids"),
        (#"{"prompt":"p","file_ids":["file-1"],"urls":["http://example.com/a"]}"#, 400, "file_ids"),
        (#"{"prompt":"p","path":"ROOT","max_token":3}"#, 400, "max_token"),
        (#"{"prompt":"p","path":"ROOT","max_tokens":0}"#, 400, "max_tokens"),
        (#"{"prompt":"p","path":"ROOT","temperature":3}"#, 400, "temperature"),
        (#"{"prompt":"p","path":"ROOT","max_tiles":65}"#, 400, "max_tiles"),
        (#"{"prompt":"p","path":"ROOT","priority":"urgent"}"#, 400, "priority"),
        (#"{"prompt":"p","path":"ROOT","metadata":{"a":1}}"#, 400, "body.metadata.a"),
        (#"{"prompt":"p","path":"ROOT","model":"other"}"#, 404, "model"),
        (#"{"prompt":"p","urls":[]}"#, 400, "urls"),
        (#"{"prompt":"p","urls":["http://example.com/a",7]}"#, 400, "body.urls.1"),
        (#"{"prompt":"p","urls":["http://example.com/a","http://10.0.0.1/b"]}"#, 400, "urls.1"),
        (#"{"prompt":"p","urls":["file:///etc/passwd"]}"#, 400, "urls.0"),
        (#"{"prompt":"p","urls":["http://example.com/a","http://EXAMPLE.com/a"]}"#, 201, ""),
    ]

    @Test(arguments: refusals)
    func `what cannot be done is refused by name, and nothing is stored`(
        body: String, status: Int, param: String
    ) async throws {
        let place = try Place()
        try await Self.serve(roots: [place.path + "/root"]) { client, _, store in
            let answer = try await client.post(
                "/v1/jobs", body.replacingOccurrences(of: "ROOT", with: place.path + "/root"))
            #expect(answer.status.code == status, "\(answer.text)")
            if status != 201 { #expect(try answer.error()["param"] as? String == param) }
            #expect(try await store.jobs(limit: 9).count == (status == 201 ? 1 : 0))
        }
        try place.remove()
    }

    @Test func `a result has the caption that the recipe makes of the answer`() async throws {
        try await Self.serve(roots: []) { client, _, store in
            let request = NewRequest(key: "a", payload: "{}")
            let (job, _) = try await store.create(NewJob(kind: "urls", label: "x", model: "m"), [request])
            let claims = try await store.claim(upTo: 1, of: .model("m"), for: WorkerID(rawValue: "w"))
            let answer = ChatAnswer(
                model: "m", weightsHash: "00", choices: [.init(index: 0, text: " a cat ", finishReason: .stop)],
                usage: .init(promptTokens: 1, completionTokens: 1), images: [])
            let result = String(decoding: try JSONEncoder().encode(answer), as: UTF8.self)
            #expect(try await store.complete(try #require(claims.first), result: result) == .recorded)
            for query in ["", "?format=jsonl"] {
                let text = try await client.get("/v1/jobs/\(job.id)/results\(query)").text
                #expect(text.contains(#""caption":" A CAT ""#) && text.contains(#""content":" a cat ""#), "\(text)")
            }
        }
    }

    @Test func `addresses are taken once each, as they will be fetched`() async throws {
        try await Self.serve(roots: []) { client, orders, _ in
            let urls = #"["http://EXAMPLE.com/a#x","https://example.com","http://example.com/a"]"#
            #expect(try await client.post("/v1/jobs", #"{"prompt":"p","urls":\#(urls)}"#).status == .created)
            #expect(
                orders.taken.withLock { $0.first?.images }
                    == .addresses(["http://example.com/a", "https://example.com/"]))
            let many = Array(repeating: #""http://example.com/a""#, count: 10_001).joined(separator: ",")
            let refused = try await client.post("/v1/jobs", #"{"prompt":"p","urls":[\#(many)]}"#)
            #expect(refused.status == .badRequest && refused.text.contains("10000"))
        }
    }

    @Test func `without roots no directory is read, whatever its name`() async throws {
        try await Self.serve(roots: []) { client, _, _ in
            let refused = try await client.post("/v1/jobs", #"{"prompt":"p","path":"/"}"#)
            #expect(refused.status == .forbidden && refused.text.contains("--allow-root"))
        }
    }

    @Test func `the same key is the same job, and another order under it is refused`() async throws {
        try await Self.serve(roots: []) { client, _, store in
            let headers: HTTPFields = [.contentType: "application/json", .idempotencyKey: "k1"]
            func order(_ label: String) async throws -> TestResponse {
                try await client.post(
                    "/v1/jobs", #"{"prompt":"p","urls":["http://example.com/a"],"label":"\#(label)"}"#, headers: headers
                )
            }
            let first = try await order("one")
            let second = try await order("one")
            #expect(first.status == .created && second.status == .ok)
            #expect(try first.json()["id"] as? String == second.json()["id"] as? String)
            let third = try await order("two")
            #expect(third.status.code == 422 && third.text.contains("Idempotency-Key"))
            #expect(try await store.jobs(limit: 9).count == 1)
            #expect(
                try await client.post(
                    "/v1/jobs", "{}",
                    headers: [
                        .contentType: "application/json", .idempotencyKey: String(repeating: "k", count: 256),
                    ]
                ).status == .badRequest)
        }
    }

    @Test func `a server without an intake takes no orders`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let refused = try await client.post("/v1/jobs", "{}")
            #expect(refused.status == .forbidden)
        }
    }

    @Test func `a job's priority is changed by name`() async throws {
        try await Self.serve(roots: []) { client, _, store in
            let id = try await store.create(NewJob(kind: "urls", label: "x", model: "m")).job.id
            func change(_ body: String, of id: JobID) async throws -> TestResponse {
                try await client.post("/v1/jobs/\(id)/priority", body)
            }
            let changed = try await change(#"{"priority":"interactive"}"#, of: id)
            #expect(try changed.json()["priority"] as? String == "interactive")
            #expect(try await change(#"{"priority":"high"}"#, of: id).status == .badRequest)
            #expect(try await change("{}", of: id).status == .badRequest)
            let unknown = try await change(#"{"priority":"bulk"}"#, of: JobID(rawValue: "job_none"))
            #expect(unknown.status == .notFound)
        }
    }
}
