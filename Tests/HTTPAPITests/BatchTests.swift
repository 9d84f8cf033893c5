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

/// `/v1/batches` from the upload to the output (conformance B1 to B6, B9, B12, B13).
@Suite struct BatchTests {
    private static let picture = #"{"type":"image_url","image_url":{"url":"\#(TestService.sampleURL)"}}"#

    private static func asking(_ content: String, _ fields: String = "") -> String {
        #"{"messages":[{"role":"user","content":\#(content)}]\#(fields)}"#
    }

    @Test func `every line of a batch is answered once, as a call is, and the counts only grow`() async throws {
        let service = try TestService(ScriptedGenerator(["a ", "boat"]))
        try await service.serve { client in
            let lines = (0..<100).map { number in
                let content =
                    number % 3 == 0 ? "[\(Self.picture),{\"type\":\"text\",\"text\":\"What?\"}]" : "\"Say \(number)\""
                return batchLine("line-\(number)", Self.asking(content, #","model":"scripted""#))
            }
            let file = try await client.upload(lines.joined(separator: "\n"))
            let created = try BatchView(try await client.createBatch(file, #","metadata":{"b":"2","a":"1"}"#).json())
            #expect(created.id.hasPrefix("batch_") && created.fields["object"] as? String == "batch")
            #expect(created.fields["endpoint"] as? String == "/v1/chat/completions")
            #expect(
                created.fields["input_file_id"] as? String == file
                    && created.fields["completion_window"] as? String == "24h")
            #expect(created.fields["metadata"] as? [String: String] == ["a": "1", "b": "2"])
            #expect(created.count("total") == 0 && created.outputFile == nil)
            let made = try #require(created.moment("created"))
            #expect(created.moment("expires") == made + 24 * 3600)

            var (statuses, counts) = (["validating"], [(0, 0)])
            let end = try await client.batch(created.id) { batch in
                if statuses.last != batch.status { statuses.append(batch.status) }
                counts.append((batch.count("completed"), batch.count("failed")))
                return batch.isFinal
            }
            let order = ["validating", "in_progress", "finalizing", "completed"]
            #expect(statuses == order.filter(statuses.contains))
            #expect(zip(counts, counts.dropFirst()).allSatisfy { $0.0 <= $1.0 && $0.1 <= $1.1 && $1.0 + $1.1 <= 100 })
            #expect(end.status == "completed" && end.errorFile == nil)
            #expect((end.count("total"), end.count("completed"), end.count("failed")) == (100, 100, 0))
            let moments = try ["created", "in_progress", "finalizing", "completed"].map { try #require(end.moment($0)) }
            #expect(moments == moments.sorted())
            #expect(["failed", "expired", "cancelling", "cancelled"].allSatisfy { end.moment($0) == nil })

            let answers = try await client.lines(of: end.outputFile)
            #expect(Set(answers.keys) == Set((0..<100).map { "line-\($0)" }))
            let live = try await client.chat().json()
            var (input, output) = (0, 0)
            for answer in answers.values {
                #expect(answer["error"] is NSNull && (answer["id"] as? String)?.hasPrefix("batch_req_") == true)
                let response = try #require(answer["response"] as? [String: Any])
                #expect(response["status_code"] as? Int == 200)
                #expect((response["request_id"] as? String)?.hasPrefix("req_") == true)
                let body = try #require(response["body"] as? [String: Any])
                #expect(Set(body.keys) == Set(live.keys) && body["model"] as? String == "scripted")
                let usage = try #require(body["usage"] as? [String: Int])
                input += usage["prompt_tokens"] ?? 0
                output += usage["completion_tokens"] ?? 0
            }
            #expect(
                Set(
                    answers.values.compactMap { ($0["response"] as? [String: Any])?["body"] as? [String: Any] }
                        .compactMap { $0["id"] as? String }
                ).count == 100)
            let usage = try #require(end.fields["usage"] as? [String: Any])
            #expect(usage["input_tokens"] as? Int == input && usage["output_tokens"] as? Int == output)
            #expect(usage["total_tokens"] as? Int == input + output && output == 200)
            let file2 = try await client.get("/v1/files/\(try #require(end.outputFile))").json()
            #expect(file2["purpose"] as? String == "batch_output" && file2["expires_at"] is NSNull)
            let job = (end.fields["docent"] as? [String: Any])?["job_id"] as? String
            #expect(try await client.get("/v1/jobs/\(job ?? "")").json()["kind"] as? String == "batch")
        }
    }

    @Test func `lines that fail at their run are in the error file, and the batch is completed`() async throws {
        let service = try TestService(ShortMemory(words: 20))
        try await service.serve { client in
            let broken = #"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]"#
            let long = String(repeating: "word ", count: 30)
            let batch = try await client.finishedBatch([
                batchLine("good"), batchLine("image", Self.asking(broken)),
                batchLine("long", Self.asking("\"\(long)\"")),
                batchLine("hot", Self.asking("\"a\"", #","temperature":9"#)),
                batchLine("stream", Self.asking("\"a\"", #","stream":true"#)), batchLine("empty", "{}"),
            ])
            #expect(batch.status == "completed")
            #expect((batch.count("total"), batch.count("completed"), batch.count("failed")) == (6, 1, 5))
            #expect(Set(try await client.lines(of: batch.outputFile).keys) == ["good"])
            let errors = try await client.lines(of: batch.errorFile)
            #expect(Set(errors.keys) == ["image", "long", "hot", "stream", "empty"])
            for (id, param) in [
                ("image", "image_url"), ("long", "input_tokens"), ("hot", "temperature"), ("stream", "stream"),
                ("empty", "body.messages"),
            ] {
                let line = try #require(errors[id])
                #expect(line["error"] is NSNull)
                let response = try #require(line["response"] as? [String: Any])
                #expect(response["status_code"] as? Int == 400, "\(id)")
                let error = (response["body"] as? [String: Any])?["error"] as? [String: Any]
                #expect(error?["param"] as? String == param && error?["code"] as? Int == 400, "\(id): \(line)")
            }
        }
    }

    private static let invalid: [(name: String, text: String, codes: [String], lines: [Int?])] = [
        ("no JSON", batchLine("a") + "\n{\n" + batchLine("b"), ["invalid_json_line"], [2]),
        ("two on a line", batchLine("a") + "\r" + batchLine("b"), ["invalid_json_line"], [1]),
        ("array", "[]", ["invalid_json_line"], [1]),
        (
            "duplicate", "\n\n" + batchLine("a") + "\r\n \t\r\n" + batchLine("b") + "\n" + batchLine("a"),
            ["duplicate_custom_id"], [6]
        ),
        ("GET", batchLine("a").replacing("POST", with: "GET"), ["invalid_method"], [1]),
        ("url", batchLine("a").replacing("chat/", with: ""), ["invalid_url"], [1]),
        ("model", batchLine("a", #"{"model":"nope","messages":[]}"#), ["model_not_found"], [1]),
        ("nothing", "{}", Array(repeating: "missing_required_parameter", count: 4), [1, 1, 1, 1]),
        (
            "types", #"{"custom_id":5,"method":5,"url":5,"body":5}"#,
            ["invalid_parameter", "invalid_method", "invalid_url", "invalid_parameter"], [1, 1, 1, 1]
        ),
        ("blank lines", "\n \r\n\t\n", ["empty_file"], [nil]),
        ("binary", "\u{1}\u{0}\n\u{2}", ["invalid_json_line", "invalid_json_line"], [1, 2]),
        ("long id", batchLine(String(repeating: "x", count: 513)), ["invalid_parameter"], [1]),
        (
            "all of it", "{\n" + batchLine("a").replacing("POST", with: "PUT") + "\n" + batchLine("a"),
            ["invalid_json_line", "invalid_method", "duplicate_custom_id"], [1, 2, 3]
        ),
    ]

    @Test(arguments: invalid.indices)
    func `a file that is not one of requests fails with every reason, and nothing runs`(index: Int) async throws {
        let (name, text, codes, lines) = Self.invalid[index]
        let generator = ScriptedGenerator(["never"])
        let service = try TestService(generator)
        try await service.serve { client in
            let batch = try await client.finishedBatch([text])
            #expect(batch.status == "failed" && batch.codes == codes, "\(name): \(batch.faults)")
            #expect(batch.faults.map { $0["line"] as? Int } == lines, "\(name)")
            #expect(batch.faults.allSatisfy { ($0["message"] as? String)?.isEmpty == false })
            #expect(batch.moment("failed") != nil && batch.moment("in_progress") == nil)
            #expect((batch.count("total"), batch.outputFile, batch.errorFile) == (0, nil, nil))
            #expect(try await service.store.jobs(limit: 9).isEmpty)
            #expect(generator.requests.withLock { $0.isEmpty })
        }
    }

    @Test func `a message about a duplicate names both lines, and of very many errors the rest is counted`()
        async throws
    {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let batch = try await client.finishedBatch((0..<131).map { _ in batchLine("same") })
            #expect(batch.faults.count == 101 && batch.codes.last == "more_errors")
            let first = try #require(batch.faults[0]["message"] as? String)
            #expect(first.contains("line 2") && first.contains("line 1 "))
            #expect((batch.faults[100]["message"] as? String)?.contains("30 more") == true)
        }
    }

    @Test func `too many or too long lines are told, and ids that look alike are two`() async throws {
        let service = try TestService(ScriptedGenerator(["a"])) {
            $0.maxBatchLines = 3
            $0.maxBodyBytes = 1000
        }
        try await service.serve { client in
            let four = try await client.finishedBatch((0..<4).map { batchLine("\($0)") })
            #expect(four.codes == ["too_many_tasks"] && four.faults[0]["line"] as? Int == 4)
            let long = try await client.finishedBatch([
                batchLine(String(repeating: "x", count: 1_000_000)), batchLine("b"), "{",
            ])
            #expect(long.codes == ["invalid_json_line", "invalid_json_line"])
            #expect(long.faults.map { $0["line"] as? Int } == [1, 3])
            let alike = try await client.finishedBatch([batchLine("\u{E9}"), batchLine("e\u{301}"), batchLine("e")])
            #expect(alike.status == "completed" && alike.count("completed") == 3)
        }
    }

    @Test(arguments: [
        #","completion_window":"48h""#, #","input_file_id":"file-none""#, #","endpoint":"/v1/foo""#,
        #","endpoint":"/v1/embeddings""#, #","metadata":5"#, #","metadata":{"a":5}"#,
        #","metadata":{\#((0..<17).map { "\"k\($0)\":\"v\"" }.joined(separator: ","))}"#,
        #","metadata":{"\#(String(repeating: "k", count: 65))":"v"}"#,
        #","metadata":{"k":"\#(String(repeating: "v", count: 513))"}"#,
        #","output_expires_after":{"anchor":"created_at","seconds":5}"#,
        #","output_expires_after":{"anchor":"now","seconds":3600}"#, #","input_file_id":null"#,
    ])
    func `a batch that breaks a rule is 400 with the field`(fields: String) async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let file = try await client.upload(batchLine("a"))
            var body: [String: String] = [
                "input_file_id": "\"\(file)\"", "endpoint": "\"/v1/chat/completions\"", "completion_window": "\"24h\"",
            ]
            let name = fields.split(separator: "\"")[1]
            body[String(name)] = String(fields.dropFirst(name.count + 4))
            let text = "{" + body.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
            let response = try await client.post("/v1/batches", text)
            #expect(response.status == .badRequest, "\(response.text)")
            #expect(try response.error()["param"] as? String == String(name))
            #expect(try await client.get("/v1/batches").json()["data"] as? [String] == [])
        }
    }

    @Test func `a batch needs a file that was uploaded for one`() async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let file = try await client.upload(batchLine("a"), purpose: "vision")
            #expect(try await client.createBatch(file).error()["param"] as? String == "input_file_id")
            #expect(try await client.get("/v1/batches/batch_none").status == .notFound)
            #expect(try await client.post("/v1/batches/batch_none/cancel", "").status == .notFound)
        }
    }

    @Test func `batches are listed newest first with a cursor`() async throws {
        let service = try TestService(ScriptedGenerator(["a"]))
        try await service.serve { client in
            let file = try await client.upload(batchLine("a"))
            var made: [String] = []
            for _ in 0..<7 { made.append(try BatchView(try await client.createBatch(file).json()).id) }
            var seen: [String] = []
            var hasMore = true
            while hasMore {
                let page = try await client.get("/v1/batches?limit=3\(seen.last.map { "&after=\($0)" } ?? "")").json()
                let ids = (page["data"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
                #expect(page["first_id"] as? String == ids.first && page["last_id"] as? String == ids.last)
                seen += ids
                hasMore = page["has_more"] as? Bool == true
            }
            #expect(seen == made.reversed())
            for query in ["limit=0", "limit=101", "after=x"] {
                #expect(try await client.get("/v1/batches?\(query)").status == .badRequest)
            }
            for id in made { _ = try await client.batch(id) { $0.status == "completed" } }
        }
    }

    @Test func `the input of vllm run-batch is taken as it is`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            let text = """
                {"custom_id": "request-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "scripted", \
                "messages": [{"role": "system", "content": "You are a helpful assistant."},{"role": "user", "content": \
                "Hello world!"}],"max_completion_tokens": 1000}}

                {"custom_id": "request-2", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "scripted", \
                "messages": [{"role": "user", "content": "Hello world!"}],"max_completion_tokens": 1000}}

                """
            let batch = try await client.finishedBatch([text])
            #expect(batch.status == "completed" && batch.count("completed") == 2)
        }
    }

    @Test func `a file that was compressed by mistake is one error`() async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            var form = Form()
            form.add("purpose", "batch")
            form.add(file: [0x1F, 0x8B, 0x08, 0x0A, 0x0A, 0x78], named: "in.jsonl.gz")
            let file = try #require(try await client.post(form: form.ended).json()["id"] as? String)
            let created = try BatchView(try await client.createBatch(file).json())
            let batch = try await client.batch(created.id) { $0.isFinal }
            #expect(batch.status == "failed" && batch.codes == ["invalid_input_file"])
        }
    }

    @Test func `output files live as long as the batch's client says`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            let batch = try await client.finishedBatch(
                [batchLine("a")], #","output_expires_after":{"anchor":"created_at","seconds":7200}"#)
            let file = try await client.get("/v1/files/\(try #require(batch.outputFile))").json()
            let created = try #require(file["created_at"] as? Int)
            #expect(file["expires_at"] as? Int == created + 7200)
        }
    }
}

/// Answers "yes", but takes no more words than it can remember.
struct ShortMemory: TextGenerator {
    let words: Int

    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        AsyncThrowingStream { continuation in
            let count = request.prompt.tokens.count
            guard count <= words else {
                return continuation.finish(
                    throwing: EngineError.promptTooLong(promptTokens: count, maxTokens: 1, limit: words))
            }
            continuation.yield(.delta(GeneratedText(text: "yes", tokens: [GeneratedToken(id: 300)])))
            continuation.yield(
                .finished(GenerationSummary(finishReason: .stop, promptTokens: count, completionTokens: 1)))
            continuation.finish()
        }
    }
}
