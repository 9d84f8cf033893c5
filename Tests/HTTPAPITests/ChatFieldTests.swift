import Foundation
import Hummingbird
import HummingbirdTesting
import Inference
import Jobs
import Models
import Synchronization
import Testing
import Workers

@testable import HTTPAPI

/// Fields beyond the usual ones: each has its effect.
@Suite struct ChatFieldTests {
    /// The stored request and what came back for `fields`.
    private func ask(
        _ fields: String, messages: String = #"[{"role":"user","content":"What is this?"}]"#,
        template: TemplateFacts = TemplateFacts()
    ) async throws -> (work: ChatWork, answer: [String: Any], sampling: SamplingParameters) {
        let generator = ScriptedGenerator(["a ", "cat"])
        let service = try TestService(generator, template: template)
        let (work, sampling, body) = try await service.serve { client in
            let response = try await client.post("/v1/chat/completions", #"{"messages":\#(messages),\#(fields)}"#)
            try #require(response.status == .ok, "\(response.text)")
            let job = try #require(try await service.store.jobs(limit: 1).first)
            let row = try #require(try await service.store.requests(of: job.id, limit: 1).first)
            let work = try JSONDecoder().decode(ChatWork.self, from: Data(row.payload.utf8))
            let sampling = try #require(generator.requests.withLock { $0.first?.sampling })
            return (work, sampling, Data(response.text.utf8))
        }
        return (work, try JSONSerialization.jsonObject(with: body) as? [String: Any] ?? [:], sampling)
    }

    private func choice(_ answer: [String: Any]) throws -> [String: Any] {
        try #require((answer["choices"] as? [[String: Any]])?.first)
    }

    private func text(_ answer: [String: Any]) throws -> String? {
        (try choice(answer)["message"] as? [String: Any])?["content"] as? String
    }

    /// "a" and " a" are a token each, "cat" has two and " cat" one; a space before a digit is a token of its own.
    @Test func `allowed tokens and bad words reach the sampler as tokens`() async throws {
        let asked = try await ask(#""allowed_token_ids":[5,900,5],"bad_words":["  a","cat","7"]"#)
        #expect(asked.sampling.allowedTokens == [5, 900, 5])
        #expect(asked.sampling.badWords == [[67], [264], [69, 276], [858], [25]])
    }

    @Test func `logprobs can name tokens, and tokens can be named by their ids`() async throws {
        let asked = try await ask(
            #""logprobs":true,"top_logprobs":1,"logprob_token_ids":[9],"return_tokens_as_token_ids":true"#)
        #expect(asked.sampling.logprobTokens == [9])
        let logprobs = try #require(try choice(asked.answer)["logprobs"] as? [String: Any])
        let tokens = try #require(logprobs["content"] as? [[String: Any]])
        #expect(tokens.map { $0["token"] as? String } == ["token_id:300", "token_id:301"])
        let top = try #require(tokens[0]["top_logprobs"] as? [[String: Any]])
        #expect(top.map { $0["token"] as? String } == ["token_id:300"])
    }

    @Test func `ids of prompt and answer come when asked for, and not otherwise`() async throws {
        let asked = try await ask(#""return_token_ids":true"#)
        #expect(asked.answer["prompt_token_ids"] as? [Int] == [7, 7, 7])
        #expect(try choice(asked.answer)["token_ids"] as? [Int] == [300, 301])
        let usual = try await ask(#""return_token_ids":false"#)
        #expect(usual.answer["prompt_token_ids"] == nil)
        #expect(try choice(usual.answer)["token_ids"] == nil)
    }

    @Test(arguments: [
        (#""add_generation_prompt":false"#, PromptOptions(ending: .conversation)),
        (#""continue_final_message":true"#, PromptOptions(ending: .finalMessage)),
        (
            #""continue_final_message":true,"add_generation_prompt":false"#,
            PromptOptions(ending: .finalMessage)
        ),
        (#""truncate_prompt_tokens":5"#, PromptOptions(keptTokens: 5)),
        (
            #""truncate_prompt_tokens":5,"truncation_side":"right""#,
            PromptOptions(keptTokens: 5, keepsBeginning: true)
        ),
        (#""truncate_prompt_tokens":-1,"max_tokens":96"#, PromptOptions(keptTokens: 4000)),
        (
            #""chat_template_kwargs":{"enable_thinking":false,"other":1}"#,
            PromptOptions(variables: ["enable_thinking": .boolean(false)])
        ),
        (#""reasoning_effort":"low""#, PromptOptions(variables: ["reasoning_effort": .string("low")])),
        (#""add_generation_prompt":true"#, nil),
    ])
    func `how the prompt is written is stored with the request`(fields: String, options: PromptOptions?) async throws {
        let asked = try await ask(fields, template: TemplateFacts(names: ["enable_thinking", "reasoning_effort"]))
        #expect(asked.work.prompt == options)
    }

    @Test func `an echoed message stands before the answer, streamed and whole`() async throws {
        let messages = #"[{"role":"user","content":"What?"},{"role":"assistant","content":"It is "}]"#
        let asked = try await ask(#""echo":true,"continue_final_message":true"#, messages: messages)
        #expect(try text(asked.answer) == "It is a cat")
        #expect(try text(try await ask(#""echo":true"#).answer) == "a cat")
        let service = try TestService(ScriptedGenerator(["a ", "cat"]))
        try await service.serve { client in
            let frames = try await client.post(
                "/v1/chat/completions", #"{"messages":\#(messages),"echo":true,"stream":true}"#
            ).frames
            let pieces = frames.compactMap { $0.firstMatch(of: /"delta":{"content":"([^"]*)"}/)?.output.1 }
            #expect(pieces == ["It is ", "a ", "cat", ""])
        }
    }

    @Test func `an image of low detail is one tile, whatever the others are`() async throws {
        func image(_ detail: String) -> String {
            #"{"type":"image_url","image_url":{"url":"\#(TestService.sampleURL)","detail":"\#(detail)"}}"#
        }
        let parts = [image("high"), image("low"), image("auto")].joined(separator: ",")
        let asked = try await ask(#""n":1"#, messages: #"[{"role":"user","content":[\#(parts)]}]"#)
        #expect(asked.work.coarseImages == [1])
        #expect((asked.answer["usage"] as? [String: Int])?["prompt_tokens"] == 7)
    }

    @Test func `a request's own id is part of its answer's, stored too`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            var headers: HTTPFields = [.contentType: "application/json", .requestID: "from-header"]
            let answer = try await client.chat(#""request_id":"mine.1""#, headers: headers)
            #expect(try answer.json()["id"] as? String == "chat-mine.1")
            #expect(answer.headers[.requestID] == "from-header")
            headers[.prefer] = "respond-async"
            let job = try await client.chat(#""request_id":"mine.2""#, headers: headers).json()
            let id = try #require(job["id"] as? String)
            for await _ in service.store.changes(of: JobID(rawValue: id)) {}
            let response = try await client.get("/v1/jobs/\(id)").json()["response"] as? [String: Any]
            #expect(response?["id"] as? String == "chat-mine.2")
        }
    }

    @Test func `the prompt's probabilities come by token, the first token's being null`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            let answer = try await client.chat(#""prompt_logprobs":1,"n":2"#)
            let token =
                #"{"7":{"logprob":-2.5,"rank":2,"decoded_token":"\#(try Self.word(7))"},"#
                + #""60":{"logprob":-0.5,"rank":1,"decoded_token":"\#(try Self.word(60))"}}"#
            #expect(answer.text.hasSuffix(#","prompt_logprobs":[null,\#(token),\#(token)]}"#), "\(answer.text)")
        }
    }

    private static func word(_ token: Int32) throws -> String {
        try Tokenizer.load(from: TestService.root.appending(path: "Sources/docent/docent-mini").path).text(of: token)
    }

    @Test func `only one of several answers is asked for the prompt's probabilities`() async throws {
        let generator = ScriptedGenerator(["yes"])
        let service = try TestService(generator)
        try await service.serve { client in
            _ = try await client.chat(#""prompt_logprobs":0,"n":3"#)
            let asked = generator.requests.withLock { $0.compactMap(\.sampling.promptLogprobs) }
            #expect(asked == [0])
        }
    }

    @Test func `every chunk tells the usage so far when asked to`() async throws {
        let service = try TestService(ScriptedGenerator(["a ", "cat"]))
        try await service.serve { client in
            let frames = try await client.chat(
                #""stream":true,"return_token_ids":true,"stream_options":{"continuous_usage_stats":true}"#
            ).frames
            let usages = frames.compactMap { $0.firstMatch(of: /"completion_tokens":([0-9]+)}/)?.output.1 }
            #expect(usages == ["0", "1", "2", "2"])
            #expect(frames[0].contains(#""prompt_token_ids":[7,7,7]"#))
            #expect(frames[1].contains(#""token_ids":[300]"#) && frames[2].contains(#""token_ids":[301]"#))
            #expect(frames.last == "[DONE]" && frames.count == 5)
        }
    }
}
