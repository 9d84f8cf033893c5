import Hummingbird
import HummingbirdTesting
import Jobs
import Testing

@testable import HTTPAPI

/// A request that must be refused: its fields beside (or instead of) the messages, and what the error must say.
struct BadRequest: Sendable, CustomTestStringConvertible {
    let fields: String
    let status: Int
    let type: String
    let param: String?

    var testDescription: String { String(fields.prefix(80)) }

    /// A rule about a value is broken.
    static func rule(_ fields: String, _ param: String?, status: Int = 400, type: String = "BadRequestError")
        -> BadRequest
    {
        BadRequest(fields: fields, status: status, type: type, param: param)
    }

    /// A field has the wrong type.
    static func shape(_ fields: String, _ param: String?) -> BadRequest {
        BadRequest(fields: fields, status: 400, type: "Bad Request", param: param)
    }

    /// One user message with this content.
    static func content(_ content: String, _ param: String?, type: String = "BadRequestError") -> BadRequest {
        BadRequest(
            fields: #""messages":[{"role":"user","content":\#(content)}]"#, status: 400, type: type, param: param)
    }

    static func image(_ url: String, _ param: String? = "image_url") -> BadRequest {
        content(#"[{"type":"image_url","image_url":{"url":"\#(url)"}}]"#, param)
    }
}

@Suite struct ValidationTests {
    static let sampling: [BadRequest] = [
        .rule(#""temperature":-1"#, "temperature"), .rule(#""temperature":2.5"#, "temperature"),
        .shape(#""temperature":"a""#, "body.temperature"), .shape(#""temperature":true"#, "body.temperature"),
        .shape(#""temperature":[1]"#, "body.temperature"),
        .rule(#""top_p":0"#, "top_p"), .rule(#""top_p":1.1"#, "top_p"), .rule(#""top_k":-2"#, "top_k"),
        .shape(#""top_k":1.5"#, "body.top_k"), .rule(#""min_p":2"#, "min_p"), .rule(#""min_p":-0.1"#, "min_p"),
        .rule(#""presence_penalty":3"#, "presence_penalty"), .rule(#""frequency_penalty":-2.1"#, "frequency_penalty"),
        .rule(#""repetition_penalty":0"#, "repetition_penalty"),
        .rule(#""repetition_penalty":1e39"#, "repetition_penalty"),
        .rule(#""repetition_penalty":1e-46"#, "repetition_penalty"),
        .rule(#""repetition_penalty":0.0009"#, "repetition_penalty"),
        .rule(#""repetition_penalty":1001"#, "repetition_penalty"), .rule(#""top_p":1e-50"#, "top_p"),
        .shape(#""seed":"x""#, "body.seed"),
        .shape(#""seed":1.5"#, "body.seed"),
        .rule(#""n":0"#, "n"), .rule(#""n":-1"#, "n"), .rule(#""n":1000000"#, "n"), .shape(#""n":"2""#, "body.n"),
        .rule(#""n":2,"temperature":0"#, "n"),
        .rule(#""max_tokens":0"#, "max_tokens"), .rule(#""max_tokens":-5"#, "max_tokens"),
        .rule(#""max_tokens":4097"#, "max_tokens"), .rule(#""max_tokens":9223372036854775807"#, "max_tokens"),
        .shape(#""max_tokens":9223372036854775808"#, "body.max_tokens"),
        .shape(#""max_tokens":"9""#, "body.max_tokens"),
        .rule(#""max_completion_tokens":0"#, "max_completion_tokens"),
        .rule(#""max_completion_tokens":5000,"max_tokens":1"#, "max_completion_tokens"),
        .rule(#""min_tokens":-1"#, "min_tokens"), .rule(#""min_tokens":5,"max_tokens":4"#, "min_tokens"),
        .shape(#""ignore_eos":1"#, "body.ignore_eos"),
        .rule(#""stop":["a","b","c","d","e"]"#, "stop"), .rule(#""stop":"""#, "stop"),
        .rule(#""stop":["a",""]"#, "stop"),
        .shape(#""stop":5"#, "body.stop"), .shape(#""stop":[1]"#, "body.stop.0"),
        .rule(#""stop_token_ids":[-1]"#, "stop_token_ids"), .rule(#""stop_token_ids":[1000]"#, "stop_token_ids"),
        .shape(#""stop_token_ids":["a"]"#, "body.stop_token_ids.0"),
        .shape(#""logprobs":5"#, "body.logprobs"), .rule(#""top_logprobs":5"#, "top_logprobs"),
        .rule(#""logprobs":true,"top_logprobs":21"#, "top_logprobs"),
        .rule(#""logprobs":true,"top_logprobs":-1"#, "top_logprobs"),
        .rule(#""logit_bias":{"x":1}"#, "logit_bias"), .rule(#""logit_bias":{"1":101}"#, "logit_bias"),
        .rule(#""logit_bias":{"1000":1}"#, "logit_bias"), .shape(#""logit_bias":[1]"#, "body.logit_bias"),
        .shape(#""logit_bias":{"1":"a"}"#, "body.logit_bias.1"),
        .rule(#""allowed_token_ids":[]"#, "allowed_token_ids"),
        .rule(#""allowed_token_ids":[1000]"#, "allowed_token_ids"),
        .shape(#""allowed_token_ids":["1"]"#, "body.allowed_token_ids.0"),
        .rule(#""allowed_token_ids":[5],"stop_token_ids":[5],"min_tokens":1"#, "allowed_token_ids"),
        .rule(#""bad_words":[""]"#, "bad_words"), .rule(#""bad_words":["  "]"#, "bad_words"),
        .shape(#""bad_words":"a""#, "body.bad_words"), .shape(#""bad_words":[1]"#, "body.bad_words.0"),
        .rule(#""bad_words":[\#([String](repeating: #""a""#, count: 129).joined(separator: ","))]"#, "bad_words"),
        .rule(#""bad_words":[\#([String](repeating: #""a""#, count: 100).joined(separator: ","))]"#, "bad_words"),
        .rule(#""logprob_token_ids":[5]"#, "logprob_token_ids"),
        .rule(#""logprobs":true,"logprob_token_ids":[]"#, "logprob_token_ids"),
        .rule(#""logprobs":true,"logprob_token_ids":[-1]"#, "logprob_token_ids"),
    ]

    static let features: [BadRequest] = [
        .rule(#""model":"nope""#, "model", status: 404, type: "NotFoundError"), .shape(#""model":5"#, "body.model"),
        .shape(#""stream":"yes""#, "body.stream"),
        .rule(#""stream_options":{"include_usage":true}"#, "stream_options"),
        .rule(#""stream":false,"stream_options":{}"#, "stream_options"),
        .shape(#""stream":true,"stream_options":[]"#, "body.stream_options"),
        .shape(#""stream":true,"stream_options":{"include_usage":1}"#, "body.stream_options.include_usage"),
        .rule(#""response_format":{"type":"xml"}"#, "response_format"),
        .rule(#""response_format":{"type":"json_schema","json_schema":{}}"#, "response_format"),
        .shape(#""response_format":{}"#, "body.response_format.type"),
        .shape(#""response_format":"text""#, "body.response_format"),
        .rule(#""tools":[{"type":"function"}]"#, "tools"), .rule(#""tools":[]"#, "tools"),
        .rule(#""tool_choice":"auto""#, "tool_choice"), .rule(#""guided_json":{"not":{}}"#, "guided_json"),
        .rule(#""guided_choice":[]"#, "guided_choice"),
        .rule(#""structured_outputs":{"regex":"a(?=b)"}"#, "structured_outputs"),
        .rule(#""nvext":{"guided_regex":"("}"#, "nvext"), .rule(#""use_beam_search":true"#, "use_beam_search"),
        .rule(#""chat_template":"{{x}}""#, "chat_template"),
        .rule(#""prompt_logprobs":1,"stream":true"#, "prompt_logprobs"),
        .rule(#""prompt_logprobs":-1"#, "prompt_logprobs"), .rule(#""prompt_logprobs":21"#, "prompt_logprobs"),
        .shape(#""prompt_logprobs":true"#, "body.prompt_logprobs"),
        .rule(#""continue_final_message":true,"add_generation_prompt":true"#, "continue_final_message"),
        .shape(#""continue_final_message":1"#, "body.continue_final_message"),
        .shape(
            #""stream":true,"stream_options":{"continuous_usage_stats":1}"#,
            "body.stream_options.continuous_usage_stats"),
        .shape(#""echo":"yes""#, "body.echo"), .rule(#""truncate_prompt_tokens":0"#, "truncate_prompt_tokens"),
        .rule(#""truncate_prompt_tokens":-2"#, "truncate_prompt_tokens"),
        .rule(#""truncate_prompt_tokens":4097"#, "truncate_prompt_tokens"),
        .rule(#""truncation_side":"middle""#, "truncation_side"), .rule(#""request_id":"a b""#, "request_id"),
        .rule(#""request_id":"""#, "request_id"), .shape(#""request_id":5"#, "body.request_id"),
        .rule(#""add_special_tokens":true"#, "add_special_tokens"), .rule(#""cache_salt":"a""#, "cache_salt"),
        .rule(#""documents":[{"text":"a"}]"#, "documents"),
        .rule(#""mm_processor_kwargs":{"a":1}"#, "mm_processor_kwargs"),
        .rule(#""mm_processor_kwargs":{"max_tiles":0}"#, "max_tiles"),
        .rule(#""mm_processor_kwargs":{"max_tiles":65}"#, "max_tiles"),
        .shape(#""mm_processor_kwargs":{"max_tiles":"9"}"#, "body.mm_processor_kwargs.max_tiles"),
        .shape(#""return_token_ids":1"#, "body.return_token_ids"), .rule(#""stream_interval":8"#, "stream_interval"),
        .shape(#""return_tokens_as_token_ids":1"#, "body.return_tokens_as_token_ids"),
        .shape(#""chat_template_kwargs":[]"#, "body.chat_template_kwargs"),
        .rule(#""chat_template_kwargs":{"messages":[]}"#, "chat_template_kwargs"),
        .rule(#""chat_template_kwargs":{"add_generation_prompt":false}"#, "chat_template_kwargs"),
        .rule(#""chat_template_kwargs":{"tools":[]}"#, "chat_template_kwargs"),
        .rule(#""chat_template_kwargs":{"raise_exception":1}"#, "chat_template_kwargs"),
        .rule(#""chat_template_kwargs":{"eos_token":"x"}"#, "chat_template_kwargs"),
        .rule(#""reasoning_effort":"high""#, "reasoning_effort"), .rule(#""reasoning_effort":"x""#, "reasoning_effort"),
        .rule(#""thinking_token_budget":100"#, "thinking_token_budget"),
        .rule(#""priority":-1"#, "priority"),
    ]

    static let messages: [BadRequest] = [
        .shape(#""messages":null"#, "body.messages"), .shape(#""messages":{}"#, "body.messages"),
        .rule(#""messages":[]"#, "messages"), .shape(#""messages":["hi"]"#, "body.messages.0"),
        .shape(#""messages":[{"content":"x"}]"#, "body.messages.0.role"),
        .shape(#""messages":[{"role":"x","content":"x"}]"#, "body.messages.0.role"),
        .shape(#""messages":[{"role":"user"}]"#, "body.messages.0.content"),
        .rule(#""messages":[{"role":"tool","content":"x"}]"#, "messages"),
        .shape(#""messages":[{"role":"assistant","content":null,"tool_calls":[{}]}]"#, "body.messages.0.tool_calls.0"),
        .rule(#""messages":[{"role":"function","content":"x"}]"#, "messages"),
        .rule(
            #""messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f"}}]}]"#, "messages"),
        .rule(
            #""messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://example.org/a.png"}]}],"#
                + #""continue_final_message":true"#, "continue_final_message"),
        .rule(
            #""messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://example.org/a.png"}]}],"#
                + #""truncate_prompt_tokens":5"#, "truncate_prompt_tokens"),
        .content("5", "body.messages.0.content", type: "Bad Request"),
        .content("null", "body.messages.0.content", type: "Bad Request"),
        .content("[]", "body.messages.0.content", type: "Bad Request"),
        .content("[null]", "body.messages.0.content", type: "Bad Request"),
        .content(#"["x"]"#, "body.messages.0.content.0", type: "Bad Request"),
        .content(#"[{"type":"text"}]"#, "body.messages.0.content.0.text", type: "Bad Request"),
        .content(#"[{"type":"text","text":5}]"#, "body.messages.0.content.0.text", type: "Bad Request"),
        .content(#"[{"type":"video_url","video_url":{"url":"x"}}]"#, "type"),
        .content(#"[{"type":"image_url"}]"#, "body.messages.0.content.0.image_url", type: "Bad Request"),
        .content(#"[{"type":"image_url","image_url":{}}]"#, "body.messages.0.content.0.image_url", type: "Bad Request"),
        .content(#"[{"type":"image_url","image_url":{"url":"data:,","detail":"tiny"}}]"#, "detail"),
        .content(#"[{"type":"image_url","image_url":{"url":"data:,","detail":"original"}}]"#, "detail"),
    ]

    static let images: [BadRequest] = [
        .image("data:image/png"), .image("data:image/png,raw"), .image("data:image/png;base64,"),
        .image("data:image/png;base64,!!!!"), .image("data:image/png;base64,iVBORw0KGgo"),
        .image("data:image/png;base64,iVBO Rw0K"), .image("data:image/png;base64,iVBORw0%"),
        .image("data:data:image/png;base64,iVBORw0KGgo="), .image("data:image/png;charset=utf-8,raw"),
        .image("data:text/html;charset=utf-8;base64,PGltZz4="),
        .image("data:image/png;base64,data:image/png;base64,AAAA"),
        .image("data:image/png;base64,aVZCT1J3%30%3D"), .image("data:;base64,"), .image("DATA:image/png"),
        .image("data:image/png;base64,aGVsbG8gd29ybGQ="), .image("data:image/png;base64,iVBORw0KGgo="),
        .image("file:///etc/passwd"), .image("ftp://example.org/a.png"), .image("cat.jpg"), .image(""),
        .image("http://127.0.0.1/a.png"), .image("http://[::1]/a.png"), .image("http://0x7f000001/"),
        .image("http://169.254.169.254/"), .image("http://10.0.0.1/"), .image("http://user@example.org/"),
        .image("http://example.org:22/"), .image("http://example.org\\\\@127.0.0.1/"),
        .content(
            "["
                + [String](repeating: #"{"type":"image_url","image_url":"https://example.org/a.png"}"#, count: 17)
                .joined(separator: ",") + "]", "image"),
    ]

    @Test(arguments: sampling + features + messages + images)
    func `a bad request is refused with the field's name, and nothing is stored`(bad: BadRequest) async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let response =
                bad.fields.hasPrefix(#""messages""#)
                ? try await client.post("/v1/chat/completions", "{\(bad.fields)}")
                : try await client.chat(bad.fields)
            let error = try response.error()
            #expect(response.status.code == bad.status)
            #expect(error["type"] as? String == bad.type)
            #expect(error["param"] as? String == bad.param)
            #expect(error["code"] as? Int == bad.status)
            #expect((error["message"] as? String ?? "").count > 10)
            #expect(response.body.readableBytes < 4096)
            #expect(try await service.store.jobs(limit: 1).isEmpty)
        }
    }

    @Test func `a model of text refuses images up front and says so in its metadata`() async throws {
        let service = try TestService(ScriptedGenerator(["yes"]), takesImages: false)
        try await service.serve { client in
            let picture = #"[{"type":"image_url","image_url":{"url":"\#(TestService.sampleURL)"}}]"#
            let refused = try await client.post(
                "/v1/chat/completions", #"{"messages":[{"role":"user","content":\#(picture)}]}"#)
            let error = try refused.error()
            #expect(refused.status == .badRequest && error["param"] as? String == "image")
            #expect((error["message"] as? String ?? "").contains("scripted does not take images"))
            #expect(try await service.store.jobs(limit: 1).isEmpty)
            let limits = try await client.execute(uri: "/v1/metadata", method: .get).text
            #expect(limits.contains(#""max_images":0"#), "\(limits)")
        }
    }

    @Test(arguments: [
        #""foo":{"bar":1}"#, #""temperature":null,"n":null,"stop":null,"model":null"#, #""model":"""#,
        #""model":"alias/other""#, #""stop":"x""#, #""stop":["a","b","c","d"]"#, #""top_k":-1"#, #""seed":-5"#,
        #""temperature":0,"top_p":1,"min_p":0"#, #""response_format":{"type":"text"}"#, #""tool_choice":"none""#,
        #""logprobs":false,"top_logprobs":0"#, #""logit_bias":{"5":-100}"#, #""user":"me","metadata":{"a":"b"}"#,
        #""max_completion_tokens":5,"min_tokens":5,"ignore_eos":true"#, #""bad_words":[],"priority":0"#,
        #""mm_processor_kwargs":{"max_tiles":64}"#, #""mm_processor_kwargs":{"a":null}"#,
        #""return_token_ids":false,"chat_template_kwargs":{},"reasoning_effort":"none","stream_interval":1"#,
        #""store":true,"service_tier":"auto","safety_identifier":"x","include_reasoning":true,"session_id":"x""#,
        #""chat_template_kwargs":{"enable_thinking":true},"parallel_tool_calls":false,"truncation_side":"right""#,
        #""add_generation_prompt":true,"continue_final_message":false,"documents":[],"add_special_tokens":false"#,
    ])
    func `fields that ask for nothing special are accepted`(fields: String) async throws {
        let service = try TestService(ScriptedGenerator(["yes"]))
        try await service.serve { client in
            let response = try await client.chat(fields)
            #expect(response.status == .ok, "\(response.text)")
        }
    }
}
