import Foundation
import HTTPTypes
import HummingbirdTesting
import Inference
import Jobs
import Testing
import Workers

@testable import HTTPAPI

struct MetricsTests {
    @Test func `what was asked and answered is counted under vLLM's and NIM's names`() async throws {
        let service = try TestService(ScriptedGenerator(["a ", "cat"]))
        try await service.serve { client in
            #expect(try await client.chat().status == .ok)
            #expect(try await client.chat(#""n":0"#).status == .badRequest)
            let response = try await client.get("/metrics")
            #expect(response.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4") == true)
            let text = try MetricsText(response.text)
            let vllm = #"{model_name="scripted",engine="0""#
            #expect(text.samples[#"vllm:request_success_total\#(vllm),finished_reason="stop"}"#] == 1)
            #expect(text.samples["vllm:request_generation_tokens_sum\(vllm)}"] == 2)
            #expect(text.samples["vllm:time_to_first_token_seconds_count\(vllm)}"] == 1)
            #expect(text.samples["vllm:inter_token_latency_seconds_count\(vllm)}"] == 1)
            #expect(text.samples[#"request_success_total{model_name="scripted"}"#] == 1)
            #expect(text.samples[#"num_request_max{model_name="scripted"}"#] == 512)
            #expect(text.samples["docent_queue_running"] == 0)
            let handler = #"http_requests_total{handler="/v1/chat/completions",method="POST""#
            #expect(
                text.samples[#"\#(handler),status="200"}"#] == 1 && text.samples[#"\#(handler),status="400"}"#] == 1)
            #expect(text.samples["process_resident_memory_bytes"] ?? 0 > 1e6)
            let other = try MetricsText(try await client.get("/v1/metrics").text)
            #expect(other.kinds == text.kinds)
        }
    }

    @Test func `paths that nobody serves are one handler, however many are tried`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        try await service.serve { client in
            for path in ["/a", "/b", "/v1/c"] { #expect(try await client.get(path).status == .notFound) }
            let text = try MetricsText(try await client.get("/metrics").text)
            let calls = text.samples.filter { $0.key.hasPrefix("http_requests_total") }
            #expect(calls.count == 1 && calls.first?.value == 3, "\(calls)")
        }
    }

    @Test func `the engine's numbers come from the engine, the queue's from the queue`() async throws {
        let service = try TestService(ScriptedGenerator([]))
        var queue = try await service.store.statistics()
        try await service.close()
        queue.waitingInteractive = 4
        queue.waitingBulk = 5
        var engine = EngineMetrics()
        engine.totalPages = 8
        engine.usedPages = 2
        engine.runningSequences = 3
        let metrics = ServiceMetrics(
            engine: engine, work: DispatcherStatistics(), queue: queue, openCalls: 0, maxOpenCalls: 1)
        let text = try MetricsText(metrics.vllm(model: "m").text + metrics.docent().text)
        #expect(text.samples[#"vllm:kv_cache_usage_perc{model_name="m",engine="0"}"#] == 0.25)
        #expect(text.samples[#"vllm:num_requests_running{model_name="m",engine="0"}"#] == 3)
        #expect(text.samples[#"vllm:num_requests_waiting{model_name="m",engine="0"}"#] == 4)
        #expect(text.samples[#"docent_queue_waiting{priority="bulk"}"#] == 5)
    }

    @Test func `labels are escaped, and histograms count upwards`() throws {
        var histogram = Histogram(bounds: [1, 2])
        for value in [0.5, 1.5, 9] { histogram.observe(value) }
        var text = PrometheusText(labels: [("model_name", "a\"b\\c\nd")])
        text.histogram("h", "Help.", histogram)
        #expect(
            text.text == #"""
                # HELP h Help.
                # TYPE h histogram
                h_bucket{model_name="a\"b\\c\nd",le="1"} 1
                h_bucket{model_name="a\"b\\c\nd",le="2"} 2
                h_bucket{model_name="a\"b\\c\nd",le="+Inf"} 3
                h_sum{model_name="a\"b\\c\nd"} 11
                h_count{model_name="a\"b\\c\nd"} 3

                """#)
    }
}

/// Reads the text format strictly: every sample belongs to the metric declared last, and none is there twice.
private struct MetricsText {
    var kinds: [String: String] = [:]
    var samples: [String: Double] = [:]

    private struct Malformed: Error { let line: String }

    init(_ text: String) throws {
        var current = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init) {
            if let match = line.wholeMatch(of: /# TYPE (\S+) (gauge|counter|summary|histogram)/) {
                current = String(match.output.1)
                guard kinds.updateValue(String(match.output.2), forKey: current) == nil else {
                    throw Malformed(line: line)
                }
            } else if !line.hasPrefix("# HELP ") {
                guard let match = line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)/),
                    let value = Double(match.output.3),
                    ["", "_bucket", "_sum", "_count"].contains(match.output.1.dropFirst(current.count)),
                    match.output.1.hasPrefix(current),
                    samples.updateValue(value, forKey: String(match.output.1) + String(match.output.2 ?? "")) == nil
                else { throw Malformed(line: line) }
            }
        }
    }
}
