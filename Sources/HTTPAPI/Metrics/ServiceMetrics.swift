import Inference
import Jobs
import Workers

/// One look at everything that is counted: the engine, the dispatcher, the queue.
struct ServiceMetrics {
    let engine: EngineMetrics
    let work: DispatcherStatistics
    let queue: QueueStatistics
    /// Calls that wait for their answers on open connections, and how many may.
    let openCalls: Int
    let maxOpenCalls: Int

    /// vLLM's names and labels: dashboards, autoscalers and benchmarks look for these.
    func vllm(model: String) -> PrometheusText {
        var text = PrometheusText(labels: [("model_name", model), ("engine", "0")])
        text.gauge("vllm:num_requests_running", "Requests in the engine's batch.", engine.runningSequences)
        text.gauge("vllm:num_requests_waiting", "Requests that somebody waits for and that wait.", waiting)
        text.gauge("vllm:kv_cache_usage_perc", "Share of the KV cache in use; 1 is all of it.", cacheUsage)
        text.counter("vllm:num_preemptions_total", "Sequences that had to give up their pages.", engine.preemptions)
        text.counter("vllm:prompt_tokens_total", "Prompt tokens computed.", engine.prefilledTokens)
        text.counter("vllm:generation_tokens_total", "Tokens generated.", engine.generatedTokens)
        text.counter(
            "vllm:prefix_cache_queries_total", "Prompt tokens looked for in the cache.", engine.prefixCacheQueries)
        text.counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the cache.", engine.prefixCacheHits)
        text.counter("vllm:mm_cache_queries_total", "Images looked for among the encoded.", engine.imageCacheQueries)
        text.counter("vllm:mm_cache_hits_total", "Images that were encoded already.", engine.imageCacheHits)
        text.add(
            "vllm:request_success_total", .counter, "Choices by how they ended.",
            ends(always: ["stop", "length", "abort", "error"]).map { ([("finished_reason", $0.key)], Double($0.value)) }
        )
        let requests = work.requests
        for (name, help, histogram) in [
            ("time_to_first_token_seconds", "From arrival to the first token.", requests.timeToFirstToken),
            ("inter_token_latency_seconds", "Between two tokens.", requests.interTokenLatency),
            ("request_time_per_output_token_seconds", "Mean time of a choice's tokens.", requests.timePerOutputToken),
            ("e2e_request_latency_seconds", "From arrival to the last token.", requests.endToEnd),
            ("request_queue_time_seconds", "From arrival to a worker.", requests.queueTime),
            ("request_inference_time_seconds", "In the engine.", requests.inferenceTime),
            ("request_prefill_time_seconds", "In the engine, to the first token.", requests.prefillTime),
            ("request_decode_time_seconds", "From the first token to the last.", requests.decodeTime),
            ("request_prompt_tokens", "Prompt tokens of a request.", requests.promptTokens),
            ("request_generation_tokens", "Tokens of a choice.", requests.completionTokens),
        ] {
            text.histogram("vllm:" + name, help, histogram)
        }
        return text
    }

    /// The names of NIM for VLMs 1.x.
    func nim(model: String) -> PrometheusText {
        var text = PrometheusText(labels: [("model_name", model)])
        text.gauge("gpu_cache_usage_perc", "Share of the KV cache in use; 1 is all of it.", cacheUsage)
        text.gauge("num_requests_running", "Requests in the engine's batch.", engine.runningSequences)
        text.gauge("num_requests_waiting", "Requests that somebody waits for and that wait.", waiting)
        text.gauge("num_request_max", "Calls that may wait for their answers at a time.", maxOpenCalls)
        text.counter("prompt_tokens_total", "Prompt tokens computed.", engine.prefilledTokens)
        text.counter("generation_tokens_total", "Tokens generated.", engine.generatedTokens)
        text.counter("request_success_total", "Requests answered.", work.requestsSucceeded)
        text.counter("request_failure_total", "Requests that failed.", work.requestsFailed)
        text.add(
            "request_finish_total", .counter, "Choices by how they ended.",
            ends(always: ["stop", "length"]).map { ([("finished_reason", $0.key)], Double($0.value)) })
        let requests = work.requests
        text.histogram("time_to_first_token_seconds", "From arrival to the first token.", requests.timeToFirstToken)
        text.histogram("time_per_output_token_seconds", "Mean time of a choice's tokens.", requests.timePerOutputToken)
        text.histogram("e2e_request_latency_seconds", "From arrival to the last token.", requests.endToEnd)
        text.summary(
            "vision_encoder_latency_seconds", "Encoding images.", count: engine.encodedImages, sum: engine.encodeTime)
        text.histogram("request_prompt_tokens", "Prompt tokens of a request.", requests.promptTokens)
        text.histogram("request_generation_tokens", "Tokens of a choice.", requests.completionTokens)
        return text
    }

    /// What neither of them has: the queue, and the stages of an image.
    func docent() -> PrometheusText {
        var text = PrometheusText()
        text.add(
            "docent_queue_waiting", .gauge, "Stored requests that wait for a worker.",
            JobPriority.allCases.map { ([("priority", "\($0)")], Double(queue.waiting($0))) })
        text.gauge("docent_queue_running", "Stored requests in hand.", queue.running)
        text.gauge(
            "docent_queue_oldest_waiting_seconds", "Age of the oldest request that could run now.",
            Double(queue.oldestWaitingMilliseconds ?? 0) / 1000)
        text.gauge("docent_open_calls", "Calls that wait for their answers on open connections.", openCalls)
        text.gauge("docent_database_wal_bytes", "Size of SQLite's write-ahead log.", Double(queue.walBytes))
        text.counter("docent_database_operations_total", "Operations committed.", queue.operations)
        text.summary(
            "docent_database_commit_seconds", "Transactions, syncs of the disk included.", count: queue.commits,
            sum: queue.commitTime)
        text.summary(
            "docent_image_fetch_seconds", "Fetching images from other hosts.", count: work.fetchedImages,
            sum: work.fetchTime)
        text.summary(
            "docent_image_decode_seconds", "Processor time of decoding images.", count: work.images,
            sum: work.decodeTime)
        text.summary(
            "docent_image_resize_seconds", "Processor time of resizing and tiling images.", count: work.images,
            sum: work.resizeTime)
        text.summary(
            "docent_image_encode_seconds", "Device time of encoding images.", count: engine.encodedImages,
            sum: engine.encodeTime)
        text.counter("docent_engine_prefill_seconds_total", "Device time of prompts.", engine.prefillTime / .seconds(1))
        text.counter("docent_engine_decode_seconds_total", "Device time of answers.", engine.decodeTime / .seconds(1))
        text.counter("docent_engine_steps_total", "Steps of the engine.", engine.steps)
        return text
    }

    private var waiting: Int { engine.waitingSequences + queue.waitingInteractive }

    private var cacheUsage: Double { engine.totalPages == 0 ? 0 : Double(engine.usedPages) / Double(engine.totalPages) }

    private func ends(always: [String]) -> [(key: String, value: Int)] {
        let none = Dictionary(uniqueKeysWithValues: always.map { ($0, 0) })
        return work.requests.ends.merging(none) { counted, _ in counted }.sorted { $0.key < $1.key }
    }
}
