/// A path with wildcards, for shells that did not expand it: `*` and `?` inside a name, `[a-z]` and `[!a-z]` for one
/// character, `**` for any number of directories. Names that begin with a dot match only patterns that do.
struct GlobPattern {
    /// The directory before the first wildcard; "." when there is none.
    let base: String
    /// The components from the first wildcard on.
    private let components: [Substring]

    /// Nil when `text` holds no wildcard.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: true)
        guard let first = parts.firstIndex(where: { $0.contains(where: "*?[".contains) }) else { return nil }
        let fixed = parts[..<first].joined(separator: "/")
        base = text.hasPrefix("/") ? "/" + fixed : fixed.isEmpty ? "." : fixed
        components = Array(parts[first...])
    }

    /// Paths below `base` that match, in the order of the listings; `list` gives the sorted names in a directory (given
    /// relative to `base`, "" for itself) and whether each is a real directory.
    func expand(list: (String) -> [(name: String, isDirectory: Bool)]) -> [String] {
        var found: [String] = []
        expand(components[...], below: "", list: list, into: &found)
        return found
    }

    private func expand(
        _ rest: ArraySlice<Substring>, below directory: String, list: (String) -> [(name: String, isDirectory: Bool)],
        into found: inout [String]
    ) {
        guard let component = rest.first else { return }
        let remaining = rest.dropFirst()
        if component == "**" {
            if remaining.isEmpty { found.append(directory.isEmpty ? "." : directory) }
            expand(remaining, below: directory, list: list, into: &found)
        }
        for entry in list(directory) {
            let path = directory.isEmpty ? entry.name : directory + "/" + entry.name
            if component == "**" {
                let descends = entry.isDirectory && !entry.name.hasPrefix(".") && !remaining.isEmpty
                if descends { expand(rest, below: path, list: list, into: &found) }
            } else if Self.matches(entry.name, component) {
                if remaining.isEmpty {
                    found.append(path)
                } else {
                    expand(remaining, below: path, list: list, into: &found)
                }
            }
        }
    }

    /// Whether one name matches one component.
    static func matches(_ name: String, _ pattern: Substring) -> Bool {
        if name.hasPrefix("."), !pattern.hasPrefix(".") { return false }
        let text = Array(name.unicodeScalars), wildcard = Array(pattern.unicodeScalars)
        var (place, at) = (0, 0)
        var retry: (place: Int, at: Int)?
        // Only the last star needs retrying: an earlier one can give nothing that the later cannot take.
        while place < text.count {
            if at < wildcard.count, wildcard[at] == "*" {
                retry = (place, at)
                at += 1
            } else if let next = step(text[place], wildcard, at) {
                (place, at) = (place + 1, next)
            } else if let last = retry {
                retry = (last.place + 1, last.at)
                (place, at) = (last.place + 1, last.at + 1)
            } else {
                return false
            }
        }
        return wildcard[at...].allSatisfy { $0 == "*" }
    }

    /// The place in `pattern` after the element at `at`, if that element matches `scalar`.
    private static func step(_ scalar: Unicode.Scalar, _ pattern: [Unicode.Scalar], _ at: Int) -> Int? {
        guard at < pattern.count else { return nil }
        switch pattern[at] {
        case "?": return at + 1
        case "[":
            guard let end = pattern[(at + 1)...].dropFirst().firstIndex(of: "]") else { fallthrough }
            var members = pattern[(at + 1)..<end]
            let isNegated = members.first == "!" || members.first == "^"
            if isNegated { members = members.dropFirst() }
            return contains(members, scalar) != isNegated ? end + 1 : nil
        default: return pattern[at] == scalar ? at + 1 : nil
        }
    }

    private static func contains(_ members: ArraySlice<Unicode.Scalar>, _ scalar: Unicode.Scalar) -> Bool {
        var rest = members
        while let first = rest.popFirst() {
            if rest.count >= 2, rest.first == "-" {
                rest.removeFirst()
                if let last = rest.popFirst(), first <= last, (first...last).contains(scalar) { return true }
            } else if first == scalar {
                return true
            }
        }
        return false
    }
}
