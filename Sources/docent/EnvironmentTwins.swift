/// Flags from the environment: `DOCENT_MAX_TOKENS=64` stands for `--max-tokens=64`.
///
/// They are put in front of the flags that were given, where the parser lets the later one win; so they are checked like
/// flags and an error names the flag.
struct EnvironmentTwins {
    let environment: [String: String]

    /// The options of every subcommand that have twins; a test holds this table against the help.
    static let options: [String: [String]] = [
        "caption": [
            "recipe", "prompt", "output", "sidecar", "existing", "max-tokens", "temperature", "max-tiles", "server",
            "timings",
            "model", "device", "threads", "quantize", "database",
        ] + imageLimits,
        "batch": ["output", "allow-hosts", "model", "device", "threads", "quantize", "database"] + imageLimits,
        "serve": [
            "host", "port", "model", "device", "threads", "quantize", "database", "api-key", "api-keys", "key-rate",
            "key-concurrency", "max-wait", "allow-hosts", "allow-root", "served-model-name", "max-model-len",
            "max-num-seqs",
            "max-images", "allowed-origins", "max-file-bytes",
        ] + imageLimits,
        "jobs list": ["server", "database", "json", "limit"],
        "jobs show": ["server", "database", "json"],
        "jobs watch": ["server", "database", "json"],
        "jobs cancel": ["server", "database", "json"],
        "jobs pause": ["server", "database", "json"],
        "jobs resume": ["server", "database", "json"],
        "jobs retry": ["server", "database", "json"],
        "jobs priority": ["server", "database", "json"],
        "jobs results": ["server", "database", "json"],
        "jobs submit": [
            "server", "database", "json", "recipe", "prompt", "max-tokens", "temperature", "max-tiles", "priority",
            "label",
        ],
        "models list": ["json"],
        "models inspect": ["json"],
        "models pull": ["parallel"],
        "bench": [
            "model", "device", "threads", "quantize", "random-weights", "repetitions", "only", "database", "json",
            "compare",
        ],
        "doctor": ["json", "check", "model", "device", "threads", "quantize", "database"] + imageLimits,
    ]

    private static let imageLimits = ["max-image-pixels", "max-image-bytes", "max-image-side", "max-image-aspect"]

    /// Options without a value; for these 1, true and yes count as given.
    private static let switches: [String: Set<String>] = [
        "caption": ["timings"], "jobs": ["json"], "models": ["json"], "doctor": ["json", "check"],
    ]

    /// Words that turn a switch on or off. For `bench`, whose --json takes a file, they name none: the variable is set
    /// for the other subcommands.
    private static let words = (on: ["1", "true", "yes"], off: ["0", "false", "no"])

    /// Options of which only one may be given: a flag of a group silences the group's twins, and of several variables the
    /// first in this order counts.
    private static let alternatives: [String: [[String]]] = [
        "caption": [["prompt", "recipe"]], "jobs": [["server", "database"], ["prompt", "recipe"]],
    ]

    static func name(for option: String) -> String {
        "DOCENT_" + option.uppercased().split(separator: "-").joined(separator: "_")
    }

    /// `arguments` (without the program's name) with the twins of the subcommand's options in front of its own.
    func expand(_ arguments: [String]) -> [String] {
        guard let command = arguments.first else { return arguments }
        let path = Self.options[command] != nil ? [command] : Array(arguments.prefix(2))
        guard let options = Self.options[path.joined(separator: " ")] else { return arguments }
        let rest = Array(arguments.dropFirst(path.count))
        let silenced = (Self.alternatives[command] ?? []).flatMap { group in
            if group.contains(where: { isGiven($0, in: rest) }) { return group[...] }
            return group.drop { value(of: $0) == nil }.dropFirst()
        }
        let twins = options.filter { !silenced.contains($0) }.compactMap { twin(of: $0, for: command) }
        return path + twins + rest
    }

    /// The flag that a variable stands for; nil when it is not set, or a switch that is off.
    private func twin(of option: String, for command: String) -> String? {
        guard let value = value(of: option) else { return nil }
        let (isOn, isOff) = (Self.words.on.contains(value.lowercased()), Self.words.off.contains(value.lowercased()))
        if Self.switches[command]?.contains(option) == true { return isOn ? "--\(option)" : nil }
        if option == "json", isOn || isOff { return nil }
        // In one piece, so that a value which looks like a flag is still a value.
        return "--\(option)=\(value)"
    }

    private func value(of option: String) -> String? {
        environment[Self.name(for: option)].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func isGiven(_ option: String, in arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains { $0 == "--\(option)" || $0.hasPrefix("--\(option)=") }
    }
}
