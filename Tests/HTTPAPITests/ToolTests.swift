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

/// Tools over HTTP, with a model that answers in Hermes' format.
@Suite struct ToolTests {
    private static let facts = TemplateFacts(names: ["messages", "tools"], toolFormat: .hermes)
    private static let tools = """
        [{"type":"function","function":{"name":"weather","description":"Of a town","parameters":
        {"type":"object","properties":{"town":{"type":"string"},"days":{"type":"integer"}},"required":["town"]}}},
        {"type":"function","function":{"name":"clock"}}]
        """
    private static let answer = [
        "I look.\n", "<tool", "_call>\n{\"name\": \"weather\", \"argu",
        "ments\": {\"town\": \"Köln\"}}\n</tool_call>\n",
        "<tool_call>{\"name\":\"clock\",\"arguments\":{}}</tool_call>",
    ]

    private func service(_ words: [String] = answer) throws -> TestService {
        try TestService(ScriptedGenerator(words), template: Self.facts)
    }

    private func choice(_ response: TestResponse) throws -> [String: Any] {
        try #require((try response.json()["choices"] as? [[String: Any]])?.first, "\(response.text)")
    }

    private static func names(_ message: [String: Any]?) -> [String?] {
        (message?["tool_calls"] as? [[String: Any]] ?? []).map {
            ($0["function"] as? [String: Any])?["name"] as? String
        }
    }

    @Test func `calls are taken out of the answer`() async throws {
        let service = try service()
        try await service.serve { client in
            let choice = try choice(await client.chat(#""tools":\#(Self.tools),"tool_choice":"auto""#))
            #expect(choice["finish_reason"] as? String == "tool_calls")
            let message = try #require(choice["message"] as? [String: Any])
            #expect(message["content"] as? String == "I look.\n")
            let calls = try #require(message["tool_calls"] as? [[String: Any]])
            #expect(Self.names(message) == ["weather", "clock"])
            #expect(calls.allSatisfy { $0["type"] as? String == "function" })
            #expect(Set(calls.compactMap { $0["id"] as? String }.filter { $0.hasPrefix("call_") }).count == 2)
            #expect((calls[0]["function"] as? [String: Any])?["arguments"] as? String == #"{"town": "Köln"}"#)
        }
    }

    @Test func `streamed, a call is its name and then its arguments, and no marker is text`() async throws {
        let service = try service()
        try await service.serve { client in
            let frames = try await client.chat(#""stream":true,"tools":\#(Self.tools)"#).frames
            let deltas = try frames.dropLast().map { frame in
                let json = try JSONSerialization.jsonObject(with: Data(frame.utf8)) as? [String: Any]
                return (json?["choices"] as? [[String: Any]])?.first ?? [:]
            }
            var texts: [String] = []
            var names: [Int: String] = [:]
            var ids: [Int: String] = [:]
            var arguments: [Int: String] = [:]
            for delta in deltas.compactMap({ $0["delta"] as? [String: Any] }) {
                texts.append(delta["content"] as? String ?? "")
                for call in delta["tool_calls"] as? [[String: Any]] ?? [] {
                    let index = try #require(call["index"] as? Int)
                    let function = call["function"] as? [String: Any]
                    if let name = function?["name"] as? String { names[index, default: ""] += name }
                    if let id = call["id"] as? String { ids[index, default: ""] += id }
                    arguments[index, default: ""] += function?["arguments"] as? String ?? ""
                }
            }
            #expect(texts.filter { !$0.isEmpty } == ["I look.\n"])
            #expect(names == [0: "weather", 1: "clock"] && ids.values.allSatisfy { $0.count == 29 })
            #expect(arguments == [0: #"{"town": "Köln"}"#, 1: "{}"])
            #expect(deltas.last?["finish_reason"] as? String == "tool_calls")
        }
    }

    @Test func `an answer that is nothing but calls has no content`() async throws {
        let service = try service(["<tool_call>{\"name\":\"clock\",\"arguments\":{}}</tool_call>\n"])
        try await service.serve { client in
            let response = try await client.chat(#""tools":\#(Self.tools)"#)
            #expect(response.text.contains(#""message":{"role":"assistant","content":null,"tool_calls":["#))
        }
    }

    @Test func `one call at most when calls may not be parallel`() async throws {
        let service = try service()
        try await service.serve { client in
            let choice = try choice(await client.chat(#""tools":\#(Self.tools),"parallel_tool_calls":false"#))
            #expect(Self.names(choice["message"] as? [String: Any]) == ["weather"])
        }
    }

    @Test(arguments: [#""tool_choice":"none","tools":\#(tools)"#, ""])
    func `calls nobody asked for stay text`(fields: String) async throws {
        let service = try service()
        try await service.serve { client in
            let choice = try choice(await client.chat(fields))
            #expect((choice["message"] as? [String: Any])?["content"] as? String == Self.answer.joined())
            #expect(choice["finish_reason"] as? String == "stop")
        }
    }

    @Test func `a stored answer has the same calls`() async throws {
        let service = try service()
        try await service.serve { client in
            let headers: HTTPFields = [.contentType: "application/json", .prefer: "respond-async"]
            let job = try await client.chat(#""tools":\#(Self.tools)"#, headers: headers).json()
            let id = try #require(job["id"] as? String)
            for await _ in service.store.changes(of: JobID(rawValue: id)) {}
            let response = try await client.get("/v1/jobs/\(id)").json()["response"] as? [String: Any]
            let choice = (response?["choices"] as? [[String: Any]])?.first
            #expect(Self.names(choice?["message"] as? [String: Any]) == ["weather", "clock"])
        }
    }

    @Test func `the model sees the tools in the client's order, and calls and results of turns before`() async throws {
        let service = try service(["Sunny."])
        try await service.serve { client in
            let response = try await client.post(
                "/v1/chat/completions",
                """
                {"tools":\(Self.tools),"messages":[{"role":"user","content":"Rain?"},
                {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":
                {"name":"weather","arguments":"{\\"town\\": \\"Köln\\"}"}}]},
                {"role":"tool","tool_call_id":"c1","content":"sunny"}]}
                """)
            #expect(response.status == .ok, "\(response.text)")
            let job = try #require(try await service.store.jobs(limit: 1).first)
            let row = try #require(try await service.store.requests(of: job.id, limit: 1).first)
            let work = try JSONDecoder().decode(ChatWork.self, from: Data(row.payload.utf8))
            let first = try #require(work.prompt?.tools.first?.text)
            let keys = [
                "type", "function", "name", "description", "parameters", "properties", "town", "days", "required",
            ]
            let places = keys.compactMap { first.firstRange(of: "\"\($0)\"")?.lowerBound }
            #expect(places.count == keys.count && places == places.sorted())
            #expect(work.messages[1].toolCalls == [.init(id: "c1", name: "weather", arguments: #"{"town": "Köln"}"#)])
            #expect(work.messages[1].content.isEmpty && work.messages[2].toolCallID == "c1")
        }
    }

    private static let function = #"{"type":"function","function":{"name":"f"}}"#

    @Test(arguments: [
        BadRequest.rule(#""tools":[]"#, "tools"), .rule(#""tools":[\#(function),\#(function)]"#, "tools"),
        .shape(#""tools":[{"type":"function"}]"#, "body.tools.0"),
        .shape(#""tools":[{"type":"code","function":{"name":"f"}}]"#, "body.tools.0"),
        .shape(#""tools":[{"type":"function","function":{}}]"#, "body.tools.0.function.name"),
        .rule(#""tools":[{"type":"function","function":{"name":"f g"}}]"#, "tools"),
        .shape(
            #""tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#,
            "body.tools.0.function.parameters"),
        .shape(#""tools":{}"#, "body.tools"), .rule(#""tools":[\#(function)],"tool_choice":"any""#, "tool_choice"),
        .shape(#""tools":[\#(function)],"tool_choice":5"#, "body.tool_choice"),
        .shape(#""tools":[\#(function)],"tool_choice":{"type":"function"}"#, "body.tool_choice"),
        .rule(
            #""tools":[\#(function)],"tool_choice":{"type":"function","function":{"name":"g"}}"#, "tool_choice"),
        .rule(
            #""tools":[\#(function)],"tool_choice":"required","response_format":{"type":"json_object"}"#, "tool_choice"),
        .rule(#""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"array"}}}]"#, "tools"),
        .rule(#""tool_choice":"auto""#, "tool_choice"),
        .shape(#""tools":[\#(function)],"parallel_tool_calls":1"#, "body.parallel_tool_calls"),
        .shape(
            #""messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[1]"}}]}]"#,
            "body.messages.0.tool_calls.0.function.arguments"),
        .rule(#""messages":[{"role":"user","content":"x","tool_calls":[{"function":{"name":"f"}}]}]"#, "messages"),
        .shape(#""messages":[{"role":"tool"}]"#, "body.messages.0.content"),
    ])
    func `tools that make no sense are refused`(bad: BadRequest) async throws {
        let service = try service(["never"])
        try await service.serve { client in
            let response =
                bad.fields.hasPrefix(#""messages""#)
                ? try await client.post("/v1/chat/completions", "{\(bad.fields)}") : try await client.chat(bad.fields)
            let error = try response.error()
            #expect(response.status.code == 400 && error["param"] as? String == bad.param, "\(response.text)")
            #expect(error["type"] as? String == bad.type)
        }
    }

    @Test(arguments: [
        (#""required""#, ["weather", "clock"], true),
        (#"{"type":"function","function":{"name":"clock"}}"#, ["clock"], false),
    ])
    func `a forced call constrains the answer to calls in the model's own format`(
        choice: String, functions: [String], allowsSeveral: Bool
    ) async throws {
        let generator = ScriptedGenerator(["<tool_call>\n{\"name\": \"clock\", \"arguments\": {}}\n</tool_call>"])
        let service = try TestService(generator, template: Self.facts)
        try await service.serve { client in
            let answer = try self.choice(await client.chat(#""tools":\#(Self.tools),"tool_choice":\#(choice)"#))
            #expect(Self.names(answer["message"] as? [String: Any]) == ["clock"])
            let constraint = generator.requests.withLock { $0.first?.sampling.constraint }
            guard case .repeated(.anyOf(let calls), "\n", let most) = constraint else {
                Issue.record("\(String(describing: constraint))")
                return
            }
            #expect(most == (allowsSeveral ? 16 : 1))
            let heads = functions.map { name -> OutputConstraint? in
                .literal("<tool_call>\n{\"name\": \"\(name)\", \"arguments\": ")
            }
            let found = calls.map { call -> OutputConstraint? in
                if case .sequence(let parts) = call { parts.first } else { nil }
            }
            #expect(found == heads)
        }
    }

    @Test func `a template that shows no tools, or calls them in an unknown way, is named`() async throws {
        let fields = #""tools":\#(Self.tools)"#
        let without = try TestService(ScriptedGenerator(["never"]))
        try await without.serve { client in
            let response = try await client.chat(fields)
            #expect(response.status == .badRequest && response.text.contains("takes no tools"), "\(response.text)")
        }
        let strange = try TestService(ScriptedGenerator(["yes"]), template: TemplateFacts(names: ["tools"]))
        try await strange.serve { client in
            let response = try await client.chat(fields)
            #expect(response.status == .badRequest)
            #expect(try response.error()["param"] as? String == "tool_choice")
            #expect(try await client.chat(fields + #","tool_choice":"none""#).status == .ok)
        }
    }
}
