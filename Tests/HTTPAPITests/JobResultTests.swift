import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Jobs
import Models
import Testing
import Workers

@testable import HTTPAPI

/// What is read of a job: results page by page or as lines, pictures, and how the service is.
@Suite struct JobResultTests {
    /// A job with `count` requests, of which the first two have failed.
    private static func job(_ count: Int, in store: JobStore) async throws -> JobID {
        let requests = (0..<count).map { NewRequest(key: "\($0).jpg", payload: "{}") }
        let job = try await store.create(NewJob(kind: "urls", label: "x", model: "m"), requests).job
        let worker = WorkerID(rawValue: "w")
        for (index, claim) in try await store.claim(upTo: count, of: .model("m"), for: worker).enumerated() {
            if index < 2 {
                let failure = RequestFailure(code: "image_corrupt", message: "no", isRetryable: false)
                _ = try await store.fail(claim, failure)
            } else {
                _ = try await store.complete(claim, result: "{}")
            }
        }
        return job.id
    }

    private static func keys(_ answer: TestResponse) throws -> [String] {
        try (answer.json()["data"] as? [[String: Any]] ?? []).compactMap { $0["key"] as? String }
    }

    @Test func `results come as lines, all of them or from a cursor on`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        let id = try await Self.job(150, in: service.store)
        try await service.serve { client in
            func lines(_ query: String, _ headers: HTTPFields = [:]) async throws -> [[String: Any]] {
                let answer = try await client.get("/v1/jobs/\(id)/results\(query)", headers: headers)
                #expect(answer.headers[.contentType] == "application/x-ndjson")
                return try answer.text.split(separator: "\n").map {
                    try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
                }
            }
            let all = try await lines("?format=jsonl")
            #expect(all.map { $0["key"] as? String } == (0..<150).map { "\($0).jpg" })
            let cursor = try #require(all[99]["id"] as? String)
            let rest = try await lines("?after=\(cursor)", [.accept: "application/x-ndjson"])
            #expect(rest.count == 50 && rest.first?["key"] as? String == "100.jpg")
            #expect(try await lines("?format=jsonl&limit=3&order=desc").last?["key"] as? String == "147.jpg")
            #expect(try await lines("?format=jsonl&state=failed").count == 2)
            #expect(try await client.get("/v1/jobs/\(id)/results?format=jsonl&after=x").status == .badRequest)
        }
    }

    @Test func `pages go from either end and hold only what has ended`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        let id = try await Self.job(5, in: service.store)
        _ = try await service.store.openJob(NewJob(kind: "urls", label: "empty", model: "m"))
        try await service.serve { client in
            let newest = try await client.get("/v1/jobs/\(id)/results?order=desc&limit=2")
            #expect(try Self.keys(newest) == ["4.jpg", "3.jpg"])
            let last = try #require(try newest.json()["last_id"] as? String)
            let older = try await client.get("/v1/jobs/\(id)/results?order=desc&limit=2&after=\(last)")
            #expect(try Self.keys(older) == ["2.jpg", "1.jpg"])
            let waiting = try await client.get("/v1/jobs/\(id)/results?state=waiting")
            #expect(try Self.keys(waiting) == [])
            #expect(try await client.get("/v1/jobs/\(id)/results?order=odd").status == .badRequest)
            func found(_ query: String) async throws -> Int? {
                (try await client.get("/v1/jobs?\(query)").json()["data"] as? [Any])?.count
            }
            #expect(try await found("kind=chat,urls") == 2)
            #expect(try await found("kind=chat") == 0)
            #expect(try await found("status=completed&kind=urls") == 1)
            #expect(try await client.get("/v1/jobs?status=odd").status == .badRequest)
            let rate = try await client.get("/v1/jobs/\(id)").json()["rate"]
            #expect(rate is Double || rate is Int)
        }
    }

    @Test func `a request's own picture is shown, and nothing else of this machine`() async throws {
        let folder = NSTemporaryDirectory() + "pictures-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/open", withIntermediateDirectories: true)
        let image = Data(TestService.sampleImage)
        for name in ["open/a.jpg", "secret.jpg"] { try image.write(to: URL(filePath: "\(folder)/\(name)")) }
        try Data("<html><script>".utf8).write(to: URL(filePath: folder + "/open/b.jpg"))
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/open/c.jpg", withDestinationPath: folder + "/secret.jpg")
        let roots = try AllowedRoots([folder + "/open"])
        let service = try TestService(ScriptedGenerator([])) { $0.allowedRoots = roots }
        let blob = try await service.store.blobs.put(TestService.sampleImage)
        let images: [(ImageReference?, Int)] = [
            (.blob(blob), 200), (.file(folder + "/open/a.jpg"), 200), (.file(folder + "/open/b.jpg"), 404),
            (.file(folder + "/open/c.jpg"), 404), (.file(folder + "/secret.jpg"), 404),
            (.file(folder + "/open/gone.jpg"), 404), (.file(folder + "/open"), 404),
            (.url("http://example.com/a.jpg"), 404), (nil, 404),
        ]
        let requests = try images.enumerated().map { index, image in
            let work = ChatWork(messages: [], images: image.0.map { [$0] } ?? [])
            return NewRequest(
                key: "\(index)", payload: String(decoding: try JSONEncoder().encode(work), as: UTF8.self),
                blobs: work.blobs)
        }
        let (job, ids) = try await service.store.submit(NewJob(kind: "urls", label: "x", model: "m"), requests)
        let other = try await service.store.create(NewJob(kind: "urls", label: "y", model: "m")).job
        try await service.serve { client in
            for (id, expected) in zip(ids, images) {
                let answer = try await client.get("/v1/jobs/\(job.id)/requests/req_\(id.rawValue)/image")
                #expect(answer.status.code == expected.1, "\(String(describing: expected.0))")
                #expect(!answer.text.contains(folder))
                guard expected.1 == 200 else { continue }
                #expect(answer.headers[.contentType] == "image/jpeg" && answer.body.readableBytes == image.count)
                #expect(answer.headers[.xContentTypeOptions] == "nosniff")
                #expect(answer.headers[.contentSecurityPolicy]?.contains("sandbox") == true)
            }
            let elsewhere = "/v1/jobs/\(other.id)/requests/req_\(ids[0].rawValue)/image"
            #expect(try await client.get(elsewhere).status == .notFound)
            #expect(try await client.get("/v1/jobs/\(job.id)/requests/x/image").status == .notFound)
        }
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test func `the page is open, allows nothing but its own files, and knows no key`() async throws {
        let service = try TestService(ScriptedGenerator([])) { $0.apiKeys = ["k"] }
        try await service.serve { client in
            for (path, type) in [
                ("/", "text/html"), ("/dashboard.css", "text/css"), ("/dashboard.js", "text/javascript"),
            ] {
                let answer = try await client.get(path)
                #expect(answer.status == .ok && answer.headers[.contentType]?.hasPrefix(type) == true)
                let policy = try #require(answer.headers[.contentSecurityPolicy])
                #expect(policy.hasPrefix("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"))
                #expect(answer.headers[.xContentTypeOptions] == "nosniff")
                for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                    #expect(!answer.text.contains(markup), "\(path) makes markup of text")
                }
            }
            #expect(try await client.get("/v1/status").status == .unauthorized)
            let status = try await client.get("/v1/status", headers: [.authorization: "Bearer k"]).json()
            #expect(status["state"] as? String == "ready" && status["model"] as? String == "scripted")
            #expect(status["reads_directories"] as? Bool == false)
        }
    }
}
