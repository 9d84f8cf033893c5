import Hummingbird
import HummingbirdTesting
import Inference
import Jobs
import Synchronization
import Testing

@testable import HTTPAPI

/// The fields that constrain the output, in every spelling.
@Suite struct ConstraintFieldTests {
    private static let schema = #"{"type":"object","properties":{"b":{"type":"null"},"a":{"type":"null"}}}"#

    static let spellings: [(fields: String, constraint: OutputConstraint)] = [
        (#""response_format":{"type":"json_object"}"#, .jsonObject()),
        (
            #""response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":\#(schema)}}"#,
            .jsonSchema(schema)
        ),
        (#""structured_outputs":{"json":\#(schema)}"#, .jsonSchema(schema)),
        (#""structured_outputs":{"json":"{\"type\":\"null\"}"}"#, .jsonSchema(#"{"type":"null"}"#)),
        (#""structured_outputs":{"json_object":true,"regex":null}"#, .jsonObject()),
        (#""structured_outputs":{"regex":"a+"}"#, .regex("a+")),
        (#""structured_outputs":{"choice":["x","y"]}"#, .choice(["x", "y"])),
        (#""structured_outputs":{"grammar":"root ::= \"x\""}"#, .grammar(#"root ::= "x""#)),
        (
            #""structured_outputs":{"json":true,"disable_any_whitespace":true,"disable_additional_properties":true}"#,
            .jsonSchema("true", .init(whitespace: .none, closesObjects: true))
        ),
        (
            #""structured_outputs":{"json_object":true,"whitespace_pattern":" *"}"#,
            .jsonObject(.init(whitespace: .pattern(" *")))
        ),
        (#""guided_json":\#(schema)"#, .jsonSchema(schema)), (#""guided_regex":"a""#, .regex("a")),
        (#""guided_choice":["x"]"#, .choice(["x"])),
        (#""guided_grammar":"root ::= [a-z]""#, .grammar("root ::= [a-z]")),
        (#""nvext":{"guided_json":\#(schema)}"#, .jsonSchema(schema)), (#""nvext":{"guided_regex":"a"}"#, .regex("a")),
        (#""nvext":{"guided_choice":["x"]}"#, .choice(["x"])),
        (#""nvext":{"guided_grammar":"root ::= \"a\""}"#, .grammar(#"root ::= "a""#)),
    ]

    @Test func `every spelling is one constraint, with its schema's keys in their order`() async throws {
        let generator = ScriptedGenerator(["yes"])
        let service = try TestService(generator)
        try await service.serve { client in
            for (fields, constraint) in Self.spellings {
                let response = try await client.chat(fields)
                #expect(response.status == .ok, "\(fields): \(response.text)")
                let request = try #require(generator.requests.withLock { $0.last })
                #expect(request.sampling.constraint == constraint, "\(fields)")
                #expect(request.constraint != nil)
            }
            let free = try await client.chat(
                #""response_format":{"type":"text"},"nvext":{"other":1},"guided_json":null"#)
            #expect(free.status == .ok)
            #expect(generator.requests.withLock { $0.last?.sampling.constraint } == nil)
        }
    }

    static let refused: [BadRequest] = [
        .rule(#""response_format":{"type":"json_object"},"guided_regex":"a""#, "guided_regex"),
        .rule(#""structured_outputs":{"regex":"a"},"nvext":{"guided_regex":"a"}"#, "nvext"),
        .rule(#""structured_outputs":{"regex":"a","choice":["a"]}"#, "structured_outputs"),
        .rule(#""guided_regex":"a","guided_choice":["a"]"#, "guided_choice"),
        .rule(#""structured_outputs":{}"#, "structured_outputs"),
        .rule(#""structured_outputs":{"structural_tag":"{}"}"#, "structured_outputs"),
        .rule(#""response_format":{"type":"structural_tag","structures":[]}"#, "response_format"),
        .rule(#""response_format":{"type":"json_schema"}"#, "response_format"),
        .rule(#""response_format":{"type":"json_schema","json_schema":{"name":"x"}}"#, "response_format"),
        .shape(#""structured_outputs":{"regex":1}"#, "body.structured_outputs.regex"),
        .shape(#""structured_outputs":{"choice":[1]}"#, "body.structured_outputs.choice.0"),
        .shape(#""structured_outputs":"a""#, "body.structured_outputs"),
        .shape(#""guided_regex":1"#, "body.guided_regex"),
        .rule(#""guided_json":"{""#, "guided_json"), .rule(#""guided_grammar":"x""#, "guided_grammar"),
        .rule(#""structured_outputs":{"json_object":true,"whitespace_pattern":"x"}"#, "structured_outputs"),
        .rule(#""guided_regex":"a{1,1000000}""#, "guided_regex"),
    ]

    @Test func `what cannot be kept is refused with its field, and nothing is stored`() async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            for bad in Self.refused {
                let response = try await client.chat(bad.fields)
                let error = try response.error()
                #expect(response.status.code == bad.status, "\(bad.fields)")
                #expect(error["param"] as? String == bad.param, "\(bad.fields)")
                #expect(error["type"] as? String == bad.type, "\(bad.fields)")
            }
            let schema = #"{"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}}"#
            let error = try await client.chat(
                #""response_format":{"type":"json_schema","json_schema":{"name":"x","schema":\#(schema)}}"#
            ).error()
            let message = error["message"] as? String ?? ""
            #expect(message.contains("uniqueItems") && message.contains("#/properties/a"), "\(message)")
            #expect(try await service.store.jobs(limit: 1).isEmpty)
        }
    }
}
