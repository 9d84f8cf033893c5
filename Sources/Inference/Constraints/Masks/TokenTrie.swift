import Models

/// The tokens of a vocabulary by their bytes, as a tree in which tokens that begin alike share a path.
///
/// Special tokens, those that end answers and those without bytes are not in it. Nodes are numbered in the order of a walk
/// that visits children after their parents, so a subtree is a range, and skipping it is a jump.
struct TokenTrie: Sendable {
    /// Of each node: its byte, its distance from the root, its parent, and the node after its subtree.
    private(set) var bytes: [UInt8] = [0]
    private(set) var levels: [UInt8] = [0]
    private(set) var parents: [Int32] = [-1]
    private(set) var ends: [Int32] = []
    /// Tokens that end at node n: `tokens[tokenStart[n]..<tokenStart[n + 1]]`.
    private(set) var tokenStart: [Int32] = [0]
    private(set) var tokens: [Int32] = []
    /// Words of a mask: one bit for each token.
    let maskWords: Int

    var count: Int { bytes.count }

    init(_ tokenizer: Tokenizer, without excluded: Set<Int32>) {
        var entries: [(bytes: [UInt8], token: Int32)] = []
        for token in 0..<Int32(tokenizer.vocabularySize) where !tokenizer.isSpecial(token) {
            let bytes = tokenizer.bytes(of: token)
            guard (1...ConstraintLimits.tokenBytes).contains(bytes.count), !excluded.contains(token) else { continue }
            entries.append((bytes, token))
        }
        entries.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        maskWords = (tokenizer.vocabularySize + 63) / 64
        var path: [Int32] = [0]
        var previous: [UInt8] = []
        for (entry, token) in entries {
            let shared = zip(previous, entry).prefix { $0 == $1 }.count
            path.removeLast(path.count - 1 - shared)
            for index in shared..<entry.count {
                parents.append(path[path.count - 1])
                path.append(Int32(bytes.count))
                bytes.append(entry[index])
                levels.append(UInt8(index + 1))
                tokenStart.append(Int32(tokens.count))
            }
            tokens.append(token)
            previous = entry
        }
        tokenStart.append(Int32(tokens.count))
        ends = [Int32](repeating: Int32(count), count: count)
        // Backwards, a node's subtree ends where the last of its children's does.
        var last = [Int32](repeating: 0, count: count)
        for node in stride(from: count - 1, to: 0, by: -1) {
            let end = max(last[node], Int32(node + 1))
            ends[node] = end
            let parent = Int(parents[node])
            last[parent] = max(last[parent], end)
        }
    }

    func tokens(at node: Int) -> ArraySlice<Int32> { tokens[Int(tokenStart[node])..<Int(tokenStart[node + 1])] }

    /// The bytes from the root to a node.
    func path(to node: Int32) -> [UInt8] {
        var path: [UInt8] = []
        var node = node
        while node > 0 {
            path.append(bytes[Int(node)])
            node = parents[Int(node)]
        }
        return path.reversed()
    }
}
