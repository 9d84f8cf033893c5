import Foundation
import Hummingbird
import HummingbirdTesting
import Inference
import Models
import Testing
import Workers

@testable import HTTPAPI

/// Our text against the documented bodies of NIM, white space aside.
@Suite struct SeedTests {
    /// JSON without the white space between its tokens.
    private func compact(_ text: String) -> String {
        var isInString = false
        var previous: Character?
        return text.filter { character in
            defer { previous = character }
            if character == "\"" && previous != "\\" { isInString.toggle() }
            return isInString || !character.isWhitespace
        }
    }

    @Test func `the list of models is the documented one, byte for byte`() throws {
        let card = ModelCard(name: "", family: "", weightsHash: "", parameterCount: 0, created: 1_745_870_402)
        let object = ModelObject(
            name: "nvidia/llama-3.1-nemotron-nano-vl-8b-v1", card: card, contextLength: 16384)
        let text = ModelObject.list([object]).text
        let id = try #require(text.firstMatch(of: /modelperm-[0-9a-f]{32}/)).output
        #expect(
            text.replacing(id, with: "modelperm-17c91efdfb6148718100ad4204950302")
                == compact(try TestService.fixture("seed-models.json")))
    }

    @Test(arguments: [("ready", "seed-ready.json"), ("live", "seed-live.json")])
    func `the health routes answer as documented`(route: String, fixture: String) async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let response = try await client.get("/v1/health/\(route)")
            #expect(response.status == .ok)
            #expect(response.headers[.contentType] == "application/json")
            #expect(response.text == compact(try TestService.fixture(fixture)))
        }
    }

    @Test func `a chat completion is the documented one, byte for byte`() throws {
        let text = try TestService.fixture("seed-chat.json")
        let content = try #require(text.firstMatch(of: /"content": "(.*)"/)).output.1
        let answer = ChatAnswer(
            model: "", weightsHash: "",
            choices: [.init(index: 0, text: String(content), finishReason: .stop)],
            usage: .init(promptTokens: 3372, completionTokens: 152), images: [])
        let identity = AnswerIdentity(
            id: "chat-b24074153a0e424086beb64bde769d27", created: 1_745_870_725,
            model: "nvidia/llama-3.1-nemotron-nano-vl-8b-v1")
        #expect(ChatCompletion(identity: identity, answer: answer).json.text == compact(text))
    }

    @Test func `the documented request is accepted, apart from its address`() async throws {
        let body = try TestService.fixture("seed-request.json")
            .replacing(/https:[^"]*/, with: TestService.sampleURL.replacing("/", with: "\\/"))
        let service = try TestService(
            ScriptedGenerator(["A ", "boat."]), names: ["nvidia/llama-3.1-nemotron-nano-vl-8b-v1"])
        try await service.serve { client in
            let response = try await client.post("/v1/chat/completions", body)
            #expect(response.status == .ok)
            let id = try #require(response.text.firstMatch(of: /chat-[0-9a-f]{32}/)).output
            let created = try #require(response.text.firstMatch(of: /"created":([0-9]+)/)).output.1
            #expect(
                response.text == """
                    {"id":"\(id)","object":"chat.completion","created":\(created),\
                    "model":"nvidia/llama-3.1-nemotron-nano-vl-8b-v1","choices":[{"index":0,\
                    "message":{"role":"assistant","content":"A boat."},"logprobs":null,"finish_reason":"stop",\
                    "stop_reason":null}],"usage":{"prompt_tokens":8,"total_tokens":10,"completion_tokens":2},\
                    "prompt_logprobs":null}
                    """)
        }
    }
}
