import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Jobs
import Testing
import Workers

@testable import HTTPAPI

/// What a client that asks for a job later, rather than waiting, gets to know.
@Suite struct JobAnswerTests {
    private static let asynchronous: HTTPFields = [.contentType: "application/json", .prefer: "respond-async"]

    private static let picture =
        #"[{"type":"image_url","image_url":{"url":"\#(TestService.sampleURL)"}},{"type":"text","text":"What?"}]"#

    /// Asks `body` asynchronously, waits for the end of the job and returns it.
    private static func job(
        _ body: String, of service: TestService, _ client: any TestClientProtocol
    ) async throws -> [String: Any] {
        let accepted = try await client.post("/v1/chat/completions", body, headers: asynchronous)
        #expect(accepted.status == .accepted, "\(accepted.text)")
        let id = try #require(try accepted.json()["id"] as? String)
        for await _ in service.store.changes(of: JobID(rawValue: id)) {}
        return try await client.get("/v1/jobs/\(id)").json()
    }

    @Test func `nobody waits for an asynchronous request, so it is bulk work`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            let job = try await Self.job(#"{"messages":[{"role":"user","content":"What?"}]}"#, of: service, client)
            #expect(job["priority"] as? String == "bulk")
        }
    }

    @Test func `a stored answer tells its weights and its images, and the tiles asked for reach the row`() async throws
    {
        let service = try TestService(ScriptedGenerator(["boats"]))
        try await service.serve { client in
            let body = """
                {"mm_processor_kwargs":{"max_tiles":3},"messages":[{"role":"user","content":\(Self.picture)}]}
                """
            let job = try await Self.job(body, of: service, client)
            let facts = try #require((job["response"] as? [String: Any])?["docent"] as? [String: Any])
            #expect(facts["weights_sha256"] as? String == "00ff")
            #expect(facts["quantization"] is NSNull)
            let image = try #require((facts["images"] as? [[String: Any]])?.first)
            #expect(image["width"] as? Int == 478 && image["height"] as? Int == 368)
            #expect(image["bytes"] as? Int == TestService.sampleImage.count)
            #expect((image["sha256"] as? String)?.count == 64)
            let stored = try #require(try await service.store.jobs(limit: 1).first)
            let row = try #require(try await service.store.requests(of: stored.id, limit: 1).first)
            #expect(try JSONDecoder().decode(ChatWork.self, from: Data(row.payload.utf8)).maxTiles == 3)
        }
    }

    @Test func `an answer has the same id for who waited and for who asks later`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            let answer = try await client.chat().json()
            #expect(answer["docent"] == nil)
            let stored = try #require(try await service.store.jobs(limit: 1).first)
            let job = try await client.get("/v1/jobs/\(stored.id)").json()
            let response = try #require(job["response"] as? [String: Any])
            #expect(response["id"] as? String == answer["id"] as? String)
            #expect(response["docent"] != nil)
        }
    }

    @Test(arguments: [
        (
            RequestFailure(code: "image_unsupported", message: "a word document", isRetryable: false), 400,
            "An image cannot be read: a word document"
        ),
        (RequestFailure(code: "expired", message: "It was stopped.", isRetryable: false), 503, "It was stopped."),
        (RequestFailure(code: "worker_crashed", message: "It died twice.", isRetryable: false), 500, "It died twice."),
    ])
    func `a stored failure has its own name beside the status`(
        failure: RequestFailure, status: Int, message: String
    ) async throws {
        let service = try TestService(ScriptedGenerator([], failing: failure))
        try await service.serve { client in
            let job = try await Self.job(#"{"messages":[{"role":"user","content":"What?"}]}"#, of: service, client)
            let error = try #require(job["error"] as? [String: Any])
            #expect(error["docent_code"] as? String == failure.code)
            #expect(error["code"] as? Int == status)
            #expect(error["message"] as? String == message)
            #expect(Set(error.keys) == ["message", "type", "param", "code", "docent_code"])
        }
    }
}
