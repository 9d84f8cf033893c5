import ArgumentParser
import Foundation
import Inference
import Logging
import Testing

@testable import docent

struct ForeignVariablesTests {
    @Test(arguments: [
        (["NIM_SERVER_PORT": "9000"], ["DOCENT_PORT": "9000"]),
        (["NIM_SERVER_PORT": "9000", "DOCENT_PORT": "1"], ["DOCENT_PORT": "1"]),
        (["NIM_SERVER_PORT": "9000", "DOCENT_PORT": ""], ["DOCENT_PORT": "9000"]),
        (["NIM_SERVER_PORT": "1", "NIM_HTTP_API_PORT": "2"], ["DOCENT_PORT": "1"]),
        (["NIM_MODEL_PATH": "hf://a/b"], ["DOCENT_MODEL": "a/b"]),
        (["NIM_MODEL_NAME": "/models/m"], ["DOCENT_MODEL": "/models/m"]),
        (["NIM_SERVED_MODEL_NAME": "a,b"], ["DOCENT_SERVED_MODEL_NAME": "a,b"]),
        (
            ["NIM_LOG_LEVEL": "default", "NIM_JSONL_LOGGING": "1"],
            ["DOCENT_LOG_LEVEL": "info", "DOCENT_LOG_FORMAT": "json"]
        ),
        (["NIM_JSONL_LOGGING": "0", "VLLM_API_KEY": "k"], ["DOCENT_API_KEY": "k"]),
    ])
    func `their names stand for ours, unless ours is set`(given: [String: String], expected: [String: String]) {
        let translated = ForeignVariables(environment: given).translated
        #expect(translated.filter { $0.key.hasPrefix("DOCENT_") } == expected)
    }

    @Test func `what means nothing here is named`() {
        let variables = ForeignVariables(environment: [
            "NIM_TRUST_REMOTE_CODE": "1", "NIM_CACHE_PATH": "/x", "NIM_LOG_LEVEL": "INFO", "NIM_PROFILE": "",
            "HOME": "/",
        ])
        #expect(variables.unknown == ["NIM_CACHE_PATH", "NIM_TRUST_REMOTE_CODE"])
    }

    @Test(.timeLimit(.minutes(5))) func `a server that was set up for NIM starts as it was`() async throws {
        let docent = try DocentProcess()
        let server = try docent.start(
            ["serve"],
            environment: [
                "NIM_SERVER_PORT": "0", "NIM_SERVED_MODEL_NAME": "nvidia/vlm, vlm", "NIM_MAX_MODEL_LEN": "600",
                "NIM_TOKENIZER_MODE": "auto", "DOCENT_MAX_NUM_SEQS": "40", "NIM_JSONL_LOGGING": "1",
                "NIM_LOG_LEVEL": "INFO",
            ])
        defer { server.send(SIGKILL) }
        let line = /docent serves .* at (http:\/\/127\.0\.0\.1:[0-9]+)\n/
        #expect(try await eventually(within: 240) { server.saidOnError.contains(line) || !server.isRunning })
        let url = try #require(server.saidOnError.firstMatch(of: line)?.output.1, "\(server.saidOnError)")
        #expect(server.saidOnError.contains("NIM_TOKENIZER_MODE is set, which means nothing to docent."))
        struct Models: Decodable, Sendable {
            let data: [Model]
            struct Model: Decodable, Equatable {
                let id: String
                let max_model_len: Int
            }
        }
        let models = try await ServerClient.connected(to: String(url)) {
            try await $0.get("/v1/models", as: Models.self)
        }
        #expect(models.data == [.init(id: "nvidia/vlm", max_model_len: 600), .init(id: "vlm", max_model_len: 600)])
        #expect(try await eventually { server.saidOnError.contains(#""message":"GET /v1/models""#) })
    }
}

struct JSONLinesLogHandlerTests {
    @Test func `a log entry is one line of JSON, whatever is in it`() throws {
        let line = JSONLinesLogHandler.line(
            "docent.server", .warning, "two\nlines \"quoted\"", ["request": "abc", "status": "\(503)"],
            at: Date(timeIntervalSince1970: 0.25))
        #expect(
            line == #"{"label":"docent.server","level":"warning","message":"two\nlines \"quoted\"","#
                + #""metadata":{"request":"abc","status":"503"},"time":"1970-01-01T00:00:00.250Z"}"#)
    }
}

struct ServingOptionsTests {
    @Test(arguments: [
        ["--max-model-len", "0"], ["--max-num-seqs", "0"], ["--max-images", "0"], ["--allowed-origins", "example.org"],
        ["--allowed-origins", "https://a.org/path"],
    ])
    func `limits that make no sense are refused`(arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try ServingOptions.parse(arguments) }
    }

    @Test func `more sequences leave chunks of prompts their room`() throws {
        let engine = try ServingOptions.parse(["--max-num-seqs", "256", "--max-model-len", "99"]).engine
        #expect(engine.maxSequences == 256 && engine.maxBatchTokens == 256 + 128 && engine.maxSequenceTokens == 99)
    }
}
