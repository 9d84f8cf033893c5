import Models
import Testing

/// The goldens are made by Hugging Face `tokenizers`: Tests/Reference/tokenizer_goldens.py and sentencepiece_goldens.py.
@Suite struct TokenizerDifferentialTests {
    @Test(arguments: TokenizerFixtures.names)
    func `ids and texts of thousands of strings are those of Hugging Face`(name: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(name)
        var generator = try StringGenerator(seed: 2026)
        let rows = try TokenizerFixtures.rows(name + ".hashes")
        #expect([20480, 4096].contains(rows.count * 8))
        var failures = 0
        for row in rows where failures < 3 {
            let strings = (0..<8).map { _ in generator.string() }
            var hashes = [GoldenHash](repeating: GoldenHash(), count: 5)
            for string in strings {
                let ids = tokenizer.encode(PromptText(trusted: string))
                hashes[0].add(string)
                hashes[1].add(ids)
                hashes[2].add(tokenizer.encode(string))
                hashes[3].add(tokenizer.decode(ids, skipSpecialTokens: false))
                hashes[4].add(tokenizer.decode(ids, skipSpecialTokens: true))
            }
            let found = hashes.map(\.hex).joined(separator: " ")
            #expect(found == row, "\(strings.map(\.debugDescription))")
            failures += found == row ? 0 : 1
        }
    }

    @Test(arguments: TokenizerFixtures.names)
    func `random ids decode to the same text as in Hugging Face, at once and as a stream`(name: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(name)
        var generator = try StringGenerator(seed: 99)
        for row in try TokenizerFixtures.rows(name + ".decodings") {
            var hash = GoldenHash()
            for _ in 0..<4 {
                let count = 1 + generator.next(24)
                let ids = (0..<count).map { _ in Int32(generator.next(tokenizer.vocabularySize)) }
                let text = tokenizer.decode(ids, skipSpecialTokens: false)
                hash.add(text)
                var stream = tokenizer.streamingDecoder(skipSpecialTokens: false)
                let pieces = ids.map { stream.push($0) } + [stream.finish()]
                #expect(pieces.joined().unicodeScalars.elementsEqual(text.unicodeScalars), "\(ids)")
            }
            #expect(hash.hex == row)
        }
    }
}
