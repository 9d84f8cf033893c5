/// Variables that people have already set for NVIDIA NIM or vLLM, for `docent serve`: a container that was started with them
/// goes on as it was. One of ours wins over one of theirs.
struct ForeignVariables {
    let environment: [String: String]

    /// Theirs, and the option of ours that says the same. Of several for one option the first that is set counts.
    private static let options = [
        ("NIM_SERVED_MODEL_NAME", "served-model-name"), ("NIM_SERVER_PORT", "port"), ("NIM_HTTP_API_PORT", "port"),
        ("NIM_MODEL_PATH", "model"), ("NIM_MODEL_NAME", "model"), ("NIM_MAX_MODEL_LEN", "max-model-len"),
        ("NIM_MAX_NUM_SEQS", "max-num-seqs"), ("NIM_MAX_IMAGES_PER_PROMPT", "max-images"),
        ("NIM_CORS_ALLOW_ORIGINS", "allowed-origins"), ("VLLM_API_KEY", "api-key"),
    ]

    private static let logging = ["NIM_LOG_LEVEL", "NIM_JSONL_LOGGING", "NIM_LOGGING_JSONL"]

    private static let logLevels = [
        "DEFAULT": "info", "TRACE": "trace", "DEBUG": "debug", "INFO": "info", "WARNING": "warning", "ERROR": "error",
        "CRITICAL": "critical",
    ]

    /// The environment with our names for theirs.
    var translated: [String: String] {
        var result = environment
        func set(_ name: String, _ value: String) {
            if (result[name] ?? "").isEmpty { result[name] = value }
        }
        for (name, option) in Self.options {
            guard let value = environment[name], !value.isEmpty else { continue }
            let isAddress = option == "model" && value.hasPrefix(Self.hub)
            set(EnvironmentTwins.name(for: option), isAddress ? String(value.dropFirst(Self.hub.count)) : value)
        }
        if let level = environment["NIM_LOG_LEVEL"].flatMap({ Self.logLevels[$0.uppercased()] }) {
            set("DOCENT_LOG_LEVEL", level)
        }
        if ["NIM_JSONL_LOGGING", "NIM_LOGGING_JSONL"].contains(where: { environment[$0] == "1" }) {
            set("DOCENT_LOG_FORMAT", "json")
        }
        return result
    }

    /// NIM's that are set and mean nothing here, sorted: whoever set them should know.
    var unknown: [String] {
        let known = Set(Self.options.map(\.0) + Self.logging)
        return environment.filter { $0.key.hasPrefix("NIM_") && !$0.value.isEmpty && !known.contains($0.key) }.keys
            .sorted()
    }

    private static let hub = "hf://"
}
