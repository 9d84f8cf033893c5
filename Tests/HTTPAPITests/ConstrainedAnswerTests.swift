import Compute
import Foundation
import Hummingbird
import HummingbirdTesting
import Inference
import Models
import Testing

@testable import HTTPAPI

/// docent-mini behind the routes: a model that would never write JSON of its own accord.
@Suite(.timeLimit(.minutes(5)))
struct ConstrainedAnswerTests {
    private static func engine() throws -> Engine {
        let backend = CPUBackend(threads: 2)
        let model = try ModelLoader.load(
            TestService.root.appending(path: "Sources/docent/docent-mini").path(), backend: backend)
        return try Engine(model: model, backend: backend)
    }

    private static let schema = """
        {"type":"object","properties":{"title":{"type":"string","maxLength":24},"count":{"type":"integer","minimum":0,
        "maximum":99},"tags":{"type":"array","items":{"enum":["red","green","blue"]},"maxItems":3},"sure":{"type":"boolean"}},
        "required":["title","count","tags","sure"],"additionalProperties":false}
        """

    private static func check(_ text: String) throws {
        let json = try JSONSerialization.jsonObject(with: Data(text.utf8))
        let object = try #require(json as? [String: Any], "\(text)")
        #expect(object.count == 4)
        #expect((object["title"] as? String).map { $0.unicodeScalars.count <= 24 } == true, "\(text)")
        #expect((object["count"] as? Int).map { (0...99).contains($0) } == true, "\(text)")
        let tags = try #require(object["tags"] as? [String])
        #expect(tags.count <= 3 && Set(tags).isSubset(of: ["red", "green", "blue"]))
        #expect(object["sure"] is Bool)
        let places = ["title", "count", "tags", "sure"].map { text.range(of: "\"\($0)\"")?.lowerBound }
        #expect(zip(places, places.dropFirst()).allSatisfy { $0.0 ?? text.endIndex < $0.1 ?? text.startIndex })
    }

    private static func choice(_ response: TestResponse) throws -> (text: String, finish: String) {
        let choice = try #require((response.json()["choices"] as? [[String: Any]])?.first, "\(response.text)")
        let message = choice["message"] as? [String: Any]
        return (message?["content"] as? String ?? "", choice["finish_reason"] as? String ?? "")
    }

    @Test func `answers under a schema parse and are valid, whole or streamed, greedy or drawn`() async throws {
        let engine = try Self.engine()
        let service = try TestService(engine)
        let format = #""response_format":{"type":"json_schema","json_schema":{"name":"x","schema":\#(Self.schema)}}"#
        try await service.serve { client in
            for sampling in [#""temperature":0"#, #""seed":1"#, #""seed":2,"temperature":2"#, #""seed":3,"top_k":5"#] {
                let fields = #"\#(format),"max_tokens":200,\#(sampling)"#
                let (text, finish) = try Self.choice(try await client.chat(fields))
                #expect(finish == "stop")
                try Self.check(text)
                let frames = try await client.chat(#"\#(fields),"stream":true"#).frames.dropLast()
                let pieces = try frames.map { frame -> String in
                    let json = try JSONSerialization.jsonObject(with: Data(frame.utf8)) as? [String: Any]
                    let choice = (json?["choices"] as? [[String: Any]])?.first
                    return (choice?["delta"] as? [String: Any])?["content"] as? String ?? ""
                }
                #expect(pieces.joined() == text)
            }
        }
        await engine.shutdown()
    }

    @Test func `regular expressions, choices and grammars are kept, and what is complete ends`() async throws {
        let engine = try Self.engine()
        let service = try TestService(engine)
        try await service.serve { client in
            let digits = try Self.choice(
                try await client.chat(
                    #""guided_regex":"[0-9]{3}","ignore_eos":true,"min_tokens":20,"max_tokens":30,"seed":1"#))
            #expect(digits.text.wholeMatch(of: /[0-9]{3}/) != nil && digits.finish == "stop", "\(digits)")
            let chosen = try Self.choice(
                try await client.chat(#""structured_outputs":{"choice":["positive","negative"]},"temperature":0"#))
            #expect(["positive", "negative"].contains(chosen.text) && chosen.finish == "stop")
            let grammar = #"root ::= \"<\" [a-z]{1,4} \">\""#
            let tagged = try Self.choice(try await client.chat(#""nvext":{"guided_grammar":"\#(grammar)"},"seed":1"#))
            #expect(tagged.text.wholeMatch(of: /<[a-z]{1,4}>/) != nil, "\(tagged)")
            let cut = try Self.choice(
                try await client.chat(#""response_format":{"type":"json_object"},"max_tokens":2"#))
            #expect(cut.finish == "length" && cut.text.hasPrefix("{"), "\(cut)")
            let none = try await client.chat(#""guided_regex":"[0-9]+","allowed_token_ids":[0]"#)
            #expect(none.status == .badRequest)
        }
        await engine.shutdown()
    }
}
