import Foundation
import Models
import Testing

/// The goldens are rendered by transformers: Tests/Reference/chat_template_goldens.py.
@Suite struct ChatTemplateGoldenTests {
    static let names = [
        "smolvlm", "chatml-tools", "qwen2-vl", "qwen3-vl", "llama3", "nemotron", "internvl", "llava", "gemma3",
    ]

    @Test(arguments: names)
    func `conversations become the prompts of Hugging Face`(name: String) throws {
        let goldens = try TemplateFixtures.decode("goldens.json", as: TemplateGoldens.self)
        let template = try ChatTemplate(source: TemplateFixtures.source(name))
        let cases = goldens.cases.filter { $0.template == name }
        #expect(cases.count == 20)
        for golden in cases {
            let label: Comment = "\(golden.conversation), \(golden.variables)"
            let result = Result {
                try template.render(
                    goldens.messages(golden.conversation), addGenerationPrompt: golden.generation,
                    variables: goldens.variables[golden.variables]?.named ?? [:])
            }
            switch (result, golden.expected) {
            case (.success(let prompt), let expected?):
                #expect(prompt.plain.unicodeScalars.elementsEqual(expected.unicodeScalars), label)
                #expect(prompt.plain == expected, label)
            case (.failure(let error as TemplateError), nil):
                guard case .raised(let message) = error else {
                    Issue.record("\(label): \(error)")
                    continue
                }
                #expect(golden.error == "TemplateError: \(message)", label)
            default: Issue.record("\(label): found \(result), expected \(golden.expected ?? golden.error ?? "")")
            }
        }
    }

    @Test func `every piece of the language means what Jinja means`() throws {
        let snippets = try TemplateFixtures.decode("snippets.json", as: TemplateSnippets.self)
        #expect(snippets.cases.count > 110)
        for snippet in snippets.cases {
            let label: Comment = "\(snippet.source.debugDescription)"
            let result = Result {
                try ChatTemplate(source: snippet.source)
                    .render([], addGenerationPrompt: false, variables: snippets.variables.named)
            }
            switch (result, snippet.expected) {
            case (.success(let prompt), let expected?):
                #expect(prompt.plain == expected, label)
                #expect(prompt.plain.unicodeScalars.elementsEqual(expected.unicodeScalars), label)
            case (.failure(let error), nil): #expect(error is TemplateError, label)
            default: Issue.record("\(label): found \(result), expected \(snippet.expected ?? snippet.error ?? "")")
            }
        }
    }
}
