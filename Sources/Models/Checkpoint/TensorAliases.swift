/// The generations of tensor names that releases of transformers have written for one family.
struct TensorAliases: Sendable {
    /// Prefixes found in files and what each stands for.
    let canonicalPrefixes: [String: String]

    /// `name` with the longest known prefix replaced; unknown names stay as they are and end up as leftovers.
    func canonicalName(of name: String) -> String {
        let prefix = canonicalPrefixes.keys.filter(name.hasPrefix).max { $0.utf8.count < $1.utf8.count }
        guard let prefix, let canonical = canonicalPrefixes[prefix] else { return name }
        return canonical + name.dropFirst(prefix.count)
    }
}
