import Testing

@testable import Models

@Suite struct WordPatternTests {
    @Test func `letters, numbers and spaces are those of Oniguruma for every scalar`() throws {
        let ranges = try TokenizerFixtures.decode("classes.json", as: [String: [[UInt32]]].self)
        var expected = [ScalarClass](repeating: .other, count: 0x110000)
        for (name, kind) in [("letter", ScalarClass.letter), ("number", .number), ("space", .space)] {
            for range in ranges[name] ?? [] {
                for value in range[0]...range[1] { expected[Int(value)] = kind }
            }
        }
        expected[0x0A] = .newline
        expected[0x0D] = .newline
        let wrong = (UInt32(0)..<0x110000).filter { value in
            Unicode.Scalar(value).map { ScalarClass($0) != expected[Int(value)] } ?? false
        }
        #expect(wrong.isEmpty)
    }

    @Test(arguments: [
        (WordPattern.gpt2, "I'm  here", "I|'m| | here"),
        (.gpt2, "WE'LL", "WE|'|LL"),
        (.gpt2, "a12 34!? \n", "a|12| 34|!?| \n"),
        (.gpt2, "x \n y", "x| \n| y"),
        (.llama3(digitsPerWord: 3), "WE'LL pay 12345", "WE|'LL| pay| |123|45"),
        (.llama3(digitsPerWord: 1), "v12", "v|1|2"),
        (.llama3(digitsPerWord: 3), "it'\u{17F}\ta\n\n  b", "it|'\u{17F}|\ta|\n\n| | b"),
        (.llama3(digitsPerWord: 3), "x!\r\n  \n y", "x|!\r\n|  \n| y"),
        (.llama3(digitsPerWord: 3), "(word) ...", "(word|)| ..."),
    ])
    func `words end where the pattern ends them`(pattern: WordPattern, text: String, words: String) {
        let classified = ClassifiedText(Array(text.utf8))
        var found: [String] = []
        var start = 0
        while start < classified.count {
            let end = pattern.wordEnd(in: classified, from: start, below: classified.count)
            found.append(String(decoding: classified.bytes(start..<end), as: UTF8.self))
            start = end
        }
        #expect(found == words.split(separator: "|", omittingEmptySubsequences: false).map(String.init))
    }
}
