/// Byte-pair encoding (Sennrich et al. 2016) of one word at a time, over the bytes of its UTF-8 or over its characters.
struct BytePairEncoder: Sendable {
    private struct Merge {
        var rank: UInt32
        var token: Int32
    }

    /// Token of each byte; nil where the vocabulary lacks it.
    private let byteTokens: [Int32?]
    /// Tokens of single characters, which go before those of their bytes; none in byte-level vocabularies.
    private let characterTokens: [Unicode.Scalar: Int32]
    /// Merges by left token and right token.
    private let merges: [UInt64: Merge]
    /// Whole words, where the model looks them up before merging (`ignore_merges`, Llama 3).
    private let words: [[UInt8]: Int32]
    private let unknown: Int32?
    private let fusesUnknown: Bool

    /// - Parameter special: tokens that words must never become; merges that would make one are left out.
    init(
        _ model: TokenizerFile.Model, vocabulary: Vocabulary, spelling: TokenSpelling, special: Set<Int32>, file: String
    ) throws(TokenizerError) {
        let symbols = (0...255).map { spelling.symbol(of: UInt8($0)) }
        let byteTokens = symbols.map { vocabulary.ids[$0] }
        self.byteTokens = byteTokens
        merges = try Self.merges(model, vocabulary: vocabulary, special: special, file: file)
        if let byte = byteTokens.indices.first(where: { byteTokens[$0].map(special.contains) ?? false }) {
            throw .specialByte(file: file, token: String(decoding: symbols[byte], as: UTF8.self))
        }
        if spelling == .sentencePiece, let byte = byteTokens.firstIndex(of: nil) {
            throw .missingByte(file: file, token: String(decoding: symbols[byte], as: UTF8.self))
        }
        characterTokens = spelling == .sentencePiece ? Self.characters(model, special: special) : [:]
        var words: [[UInt8]: Int32] = [:]
        if model.ignoreMerges {
            for (token, id) in model.vocabulary where !special.contains(Int32(id)) {
                let bytes = spelling == .sentencePiece ? Array(token.utf8) : ByteAlphabet.decode(token)
                if let bytes { words[bytes] = Int32(id) }
            }
        }
        self.words = words
        // A special unknown token would let text become a special token: such bytes are dropped instead.
        unknown = model.unknownToken.flatMap(vocabulary.id(of:)).flatMap { special.contains($0) ? nil : $0 }
        fusesUnknown = model.fuseUnknown
    }

    /// A special token of one character is left out, so that text is written with its bytes.
    private static func characters(_ model: TokenizerFile.Model, special: Set<Int32>) -> [Unicode.Scalar: Int32] {
        var tokens: [Unicode.Scalar: Int32] = [:]
        for (token, id) in model.vocabulary where !special.contains(Int32(id)) {
            let scalars = token.unicodeScalars
            if let first = scalars.first, scalars.count == 1 { tokens[first] = Int32(id) }
        }
        return tokens
    }

    private static func merges(
        _ model: TokenizerFile.Model, vocabulary: Vocabulary, special: Set<Int32>, file: String
    ) throws(TokenizerError) -> [UInt64: Merge] {
        var merges: [UInt64: Merge] = [:]
        merges.reserveCapacity(model.merges.count)
        for (rank, pair) in model.merges.enumerated() {
            guard pair.count == 2 else {
                throw .malformed(file: file, reason: "merge \(rank) has \(pair.count) parts, not 2")
            }
            var ids: [Int32] = []
            for part in [pair[0], pair[1], pair[0] + pair[1]] {
                guard let id = vocabulary.id(of: part) else {
                    throw .unknownMergePart(file: file, merge: rank, text: part)
                }
                ids.append(id)
            }
            if special.contains(ids[2]) { continue }
            merges[key(ids[0], ids[1])] = Merge(rank: UInt32(rank), token: ids[2])
        }
        return merges
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Appends the tokens of `word` to `tokens`. Takes O(n log n) steps for n bytes, however hostile the word.
    func encode(_ word: ArraySlice<UInt8>, into tokens: inout [Int32]) {
        if !words.isEmpty, let whole = words[Array(word)] {
            tokens.append(whole)
            return
        }
        var symbols = characterTokens.isEmpty ? self.symbols(of: word) : characters(of: word)
        if symbols.count > 1 { merge(&symbols) }
        tokens.append(contentsOf: symbols)
    }

    /// One token a byte. A byte that the vocabulary lacks becomes the unknown token, or nothing when there is none.
    private func symbols(of word: ArraySlice<UInt8>) -> [Int32] {
        var symbols: [Int32] = []
        symbols.reserveCapacity(word.count)
        var followsUnknown = false
        for byte in word {
            if let token = byteTokens[Int(byte)] {
                symbols.append(token)
                followsUnknown = false
            } else if let unknown, !(fusesUnknown && followsUnknown) {
                symbols.append(unknown)
                followsUnknown = true
            }
        }
        return symbols
    }

    /// One token a character, or its bytes' where it has none.
    private func characters(of word: ArraySlice<UInt8>) -> [Int32] {
        let word = Array(word)
        var symbols: [Int32] = []
        symbols.reserveCapacity(word.count)
        var position = 0
        while position < word.count {
            let (scalar, length) = UTF8Sequence.scalar(in: word, at: position)
            if let token = characterTokens[scalar] {
                symbols.append(token)
            } else {
                symbols += self.symbols(of: word[position..<position + length])
            }
            position += length
        }
        return symbols
    }

    /// Applies the merge of lowest rank, leftmost first, until none applies.
    ///
    /// Symbols form a linked list; a heap holds (rank, position), and an entry whose pair has changed since is skipped.
    private func merge(_ symbols: inout [Int32]) {
        var next = Array(1...symbols.count)
        var previous = Array(-1..<symbols.count - 1)
        var pending = MergeHeap()
        func consider(_ position: Int) {
            guard position >= 0, next[position] < symbols.count else { return }
            if let merge = merges[Self.key(symbols[position], symbols[next[position]])] {
                pending.insert(rank: merge.rank, position: position)
            }
        }
        for position in symbols.indices { consider(position) }
        while let (rank, position) = pending.removeFirst() {
            guard symbols[position] >= 0, next[position] < symbols.count,
                let merge = merges[Self.key(symbols[position], symbols[next[position]])], merge.rank == rank
            else { continue }
            let absorbed = next[position]
            symbols[position] = merge.token
            symbols[absorbed] = -1
            next[position] = next[absorbed]
            if next[absorbed] < symbols.count { previous[next[absorbed]] = position }
            consider(previous[position])
            consider(position)
        }
        symbols.removeAll { $0 < 0 }
    }
}

/// A binary heap of merges that wait, lowest rank first, then leftmost.
private struct MergeHeap {
    private var entries: [UInt64] = []

    mutating func insert(rank: UInt32, position: Int) {
        entries.append(UInt64(rank) << 32 | UInt64(position))
        var child = entries.count - 1
        while child > 0, entries[child] < entries[(child - 1) / 2] {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> (rank: UInt32, position: Int)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return (UInt32(first >> 32), Int(first & 0xFFFF_FFFF))
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child] < entries[smallest] { smallest = child }
            }
            if smallest == parent { return }
            entries.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
