import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import HTTPAPI

struct TokenTests {
    @Test func `a text goes to tokens and back, special ones included`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let text = "<|im_start|>Größe: 12 €"
            let response = try await client.post("/tokenize", #"{"prompt":"\#(text)","return_token_strs":true}"#)
            #expect(response.status == .ok, "\(response.text)")
            let json = try response.json()
            let tokens = try #require(json["tokens"] as? [Int])
            #expect(json["count"] as? Int == tokens.count && json["max_model_len"] as? Int == 4096)
            #expect((json["token_strs"] as? [String])?.first == "<|im_start|>")
            let back = try await client.post("/detokenize", #"{"tokens":\#(tokens)}"#)
            #expect(try back.json()["prompt"] as? String == text)
        }
    }

    @Test func `a conversation has the tokens that its prompt would have, images included`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let image = #"{"type":"image_url","image_url":{"url":"\#(TestService.sampleURL)"}}"#
            let response = try await client.post(
                "/tokenize",
                #"{"messages":[{"role":"user","content":[\#(image),{"type":"text","text":"what is this"}]}]}"#)
            #expect(try response.json()["count"] as? Int == 6)
            #expect(try response.json()["token_strs"] is NSNull)
        }
    }

    @Test(arguments: [
        ("/tokenize", "{}", "body.prompt"), ("/tokenize", #"{"prompt":1}"#, "body.prompt"),
        ("/tokenize", #"{"prompt":"a","messages":[]}"#, "prompt"),
        ("/tokenize", #"{"messages":[]}"#, "messages"),
        (
            "/tokenize",
            #"{"messages":[{"role":"user","content":"a"}],"add_generation_prompt":true,"continue_final_message":true}"#,
            "continue_final_message"
        ),
        ("/tokenize", #"{"messages":[{"role":"user","content":"a"}],"tools":[{}]}"#, "tools"),
        (
            "/tokenize",
            #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"http://a.org/b.png"}]}]}"#,
            "image_url"
        ),
        ("/detokenize", "{}", "body.tokens"), ("/detokenize", #"{"tokens":["a"]}"#, "body.tokens.0"),
        ("/detokenize", #"{"tokens":[-1]}"#, "tokens"), ("/detokenize", #"{"tokens":[1000]}"#, "tokens"),
    ])
    func `what cannot be read is told with its place`(path: String, body: String, param: String) async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let response = try await client.post(path, body)
            #expect(response.status == .badRequest)
            #expect(try response.error()["param"] as? String == param, "\(response.text)")
        }
    }

    @Test func `another model's tokens are not known here`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            let unknown = try await client.post("/tokenize", #"{"model":"x","prompt":"a"}"#)
            #expect(unknown.status == .notFound)
            #expect(try await client.post("/tokenize", #"{"model":"alias/other","prompt":"a"}"#).status == .ok)
        }
    }
}
