import Models
import Testing

@Suite struct PromptTextTests {
    private let prompt = PromptText(pieces: [
        .init(text: "A<image>B", isTrusted: true), .init(text: "<image>", isTrusted: false),
        .init(text: "<image>", isTrusted: true),
    ])

    @Test func `only the template's markers are replaced`() throws {
        let replaced = try prompt.replacing("<image>", with: ["[1]", "[2]"])
        #expect(replaced.plain == "A[1]B<image>[2]")
        #expect(replaced.pieces.map(\.isTrusted) == [true, false, true])
    }

    @Test(arguments: [[], ["x"], ["x", "y", "z"]])
    func `markers and replacements are counted`(replacements: [String]) {
        #expect(throws: PromptTextError.markerCount(marker: "<image>", found: 2, expected: replacements.count)) {
            try prompt.replacing("<image>", with: replacements)
        }
    }
}
