/// Modules named one by one ("lm_head"), by wildcards ("model.vision*") or by regular expressions ("re:.*lm_head").
struct ModulePatterns: Sendable {
    private let names: Set<String>
    private let patterns: [NamePattern]
    /// Whether a name stands for the modules below it too.
    private let includesChildren: Bool

    /// Bytes of all patterns of a list, each of which is held against every quantised module: ten times what was seen.
    private static let mostBytes = 4_096

    /// The patterns under all of `keys`.
    init(_ settings: Settings, _ keys: [String], includingChildren: Bool) throws {
        let all = try keys.map {
            try ModulePatterns(settings.strings($0), settings, $0, includingChildren: includingChildren)
        }
        names = all.reduce(into: []) { $0.formUnion($1.names) }
        patterns = all.flatMap(\.patterns)
        includesChildren = includingChildren
    }

    /// `texts` is what `settings` holds under `key`, which errors name.
    init(_ texts: [String], _ settings: Settings, _ key: String, includingChildren: Bool = false) throws {
        var names: Set<String> = []
        var patterns: [NamePattern] = []
        var bytes = 0
        for text in texts {
            let marker = "re:"
            if text.hasPrefix(marker) {
                guard let pattern = NamePattern(expression: String(text.dropFirst(marker.count))) else {
                    throw settings.failure(
                        key, expected: "regular expressions that Docent reads, unlike \(text.prefix(80))")
                }
                patterns.append(pattern)
                bytes += text.utf8.count
            } else if includingChildren, text.contains("*") || text.contains("?") {
                guard let pattern = NamePattern(wildcards: text) else {
                    throw settings.failure(key, expected: "shorter patterns than \(text.prefix(80))")
                }
                patterns.append(pattern)
                bytes += text.utf8.count
            } else {
                names.insert(text)
            }
        }
        guard bytes <= Self.mostBytes else {
            throw settings.failure(key, expected: "patterns of at most \(Self.mostBytes) bytes together")
        }
        self.names = names
        self.patterns = patterns
        includesChildren = includingChildren
    }

    /// Whether one of them means the module called `name`.
    func match(_ name: String) -> Bool {
        names.contains(name) || patterns.contains { $0.matches(name) }
            || includesChildren && !names.isEmpty
                && name.indices.contains { name[$0] == "." && names.contains(String(name[..<$0])) }
    }
}
