import Foundation
import Hummingbird
import HummingbirdTesting
import Inference
import Jobs
import Synchronization
import Testing

@testable import HTTPAPI

@Suite struct ChatTests {
    @Test func `every request is a row before it is run, and its sampling is what was asked for`() async throws {
        let generator = ScriptedGenerator(["a ", "cat"])
        let service = try TestService(generator)
        try await service.serve { client in
            let response = try await client.chat(
                #""temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.1,"seed":-1,"stop":["x"],"max_tokens":9,"#
                    + #""min_tokens":2,"stop_token_ids":[5],"logit_bias":{"3":-1.5},"ignore_eos":true"#)
            #expect(response.status == .ok)
            let sampling = try #require(generator.requests.withLock { $0.first?.sampling })
            #expect(sampling.temperature == 0.5 && sampling.topP == 0.9 && sampling.topK == 7 && sampling.minP == 0.1)
            #expect(sampling.seed == .max && sampling.stop == ["x"] && sampling.stopTokens == [5])
            #expect(sampling.maxTokens == 9 && sampling.minTokens == 2 && sampling.ignoreEndOfSequence)
            #expect(sampling.logitBias == [3: -1.5] && sampling.topLogprobs == nil)
            let job = try #require(try await service.store.jobs(limit: 5).first)
            #expect(job.state == .completed && job.kind == "chat" && job.isSynchronous)
        }
    }

    @Test func `inline images become blobs, and the row holds none of their bytes`() async throws {
        let service = try TestService(ScriptedGenerator(["boats"]))
        try await service.serve { client in
            let url = TestService.sampleURL
            let image = #"{"type":"image_url","image_url":{"url":"\#(url)","detail":"low"}}"#
            let escaped = #"{"image_url":"\#(url.replacing("+", with: "%2B").replacing("=", with: "%3d"))"}"#
            let body = """
                {"messages":[{"role":"system","content":"Be brief."},
                {"role":"user","content":[\(image),{"type":"text","text":"and"},null,\(escaped)]}]}
                """
            let response = try await client.post("/v1/chat/completions", body)
            #expect(response.status == .ok, "\(response.text)")
            let usage = try #require(try response.json()["usage"] as? [String: Int])
            #expect(usage == ["prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8])
            let job = try #require(try await service.store.jobs(limit: 1).first)
            let row = try #require(try await service.store.requests(of: job.id, limit: 1).first)
            #expect(row.payload.utf8.count < 2000)
        }
    }

    @Test func `n answers come as choices, and the tokens' probabilities when asked for`() async throws {
        let service = try TestService(ScriptedGenerator(["a", "b"]))
        try await service.serve { client in
            let json = try await client.chat(#""n":2,"logprobs":true,"top_logprobs":3"#).json()
            let choices = try #require(json["choices"] as? [[String: Any]])
            #expect(choices.map { $0["index"] as? Int } == [0, 1])
            for choice in choices {
                let content = try #require((choice["logprobs"] as? [String: Any])?["content"] as? [[String: Any]])
                #expect(content.count == 2)
                #expect(
                    content.allSatisfy {
                        ($0["top_logprobs"] as? [Any])?.count == 3 && $0["logprob"] as? Double == -0.5
                    })
                #expect(content.allSatisfy { ($0["bytes"] as? [Int])?.isEmpty == false })
            }
        }
    }

    @Test(arguments: [
        (
            RequestFailure(code: "context_length_exceeded", message: "5000 of 4096", isRetryable: false), 400,
            "input_tokens"
        ),
        (RequestFailure(code: "overloaded", message: "x", isRetryable: true), 503, nil),
        (RequestFailure(code: "engine_error", message: "/secret/path 0x7fff", isRetryable: true), 500, nil),
        (
            RequestFailure(code: "image_corrupt", message: "the JPEG data is damaged", isRetryable: false), 400,
            "image_url"
        ),
        (RequestFailure(code: "image_fetch_timeout", message: "slow", isRetryable: true), 422, "image_url"),
        (RequestFailure(code: "shutting_down", message: "x", isRetryable: false), 503, nil),
    ])
    func `a failure behind the queue is an HTTP error, also for a stream`(
        failure: RequestFailure, status: Int, param: String?
    ) async throws {
        let service = try TestService(ScriptedGenerator([], failing: failure))
        try await service.serve { client in
            let response = try await client.chat()
            #expect(response.status.code == status)
            let error = try response.error()
            #expect(error["param"] as? String == param)
            #expect(!response.text.contains("secret"))
            #expect((status == 503) == (response.headers[.retryAfter] != nil))
        }
    }

    @Test func `a remote image that cannot be had is 4xx before a stream begins`() async throws {
        let host = try LoopbackHost { _, _ in .bytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") }
        defer { host.stop() }
        let service = try TestService(ScriptedGenerator(["never"])) { $0.fetchPolicy.allowedHosts = ["127.0.0.1"] }
        try await service.serve { client in
            let response = try await client.post(
                "/v1/chat/completions",
                """
                {"stream":true,"messages":[{"role":"user","content":
                [{"type":"image_url","image_url":{"url":"http://127.0.0.1:\(host.port)/a.png"}}]}]}
                """)
            #expect(response.status == .unprocessableContent)
            #expect(response.headers[.contentType] == "application/json")
            #expect(try response.error()["param"] as? String == "image_url")
        }
        #expect(host.requestCount == 1)
    }

    @Test(arguments: [nil, "text/plain", "application/jsonx", "multipart/form-data"])
    func `a wrong content type is 400`(type: String?) async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let response = try await client.chat(headers: type.map { [.contentType: $0] } ?? [:])
            #expect(response.status == .badRequest)
        }
    }

    @Test func `a body over the limit is 413`() async throws {
        let service = try TestService(ScriptedGenerator(["never"])) { $0.maxBodyBytes = 1000 }
        try await service.serve(.live) { client in
            let response = try await client.chat(#""user":"\#(String(repeating: "x", count: 2000))""#)
            #expect(response.status == .contentTooLarge)
            #expect(try response.error()["code"] as? Int == 413)
        }
    }

    @Test func `more waiting requests than allowed are told to come back`() async throws {
        let gate = Gate()
        let generator = ScriptedGenerator(["a", "b"], gate: gate)
        let service = try TestService(generator) { $0.maxWaitingRequests = 1 }
        try await service.serve { client in
            async let first = client.chat()
            while generator.requests.withLock({ $0.isEmpty }) { await Task.yield() }
            let second = try await client.chat()
            #expect(second.status == .serviceUnavailable)
            #expect(second.headers[.retryAfter] != nil)
            gate.open()
            #expect(try await first.status == .ok)
            #expect(try await client.chat().status == .ok)
        }
    }
}
