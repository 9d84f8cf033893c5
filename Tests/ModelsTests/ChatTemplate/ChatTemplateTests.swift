import Foundation
import Models
import Testing

@Suite struct ChatTemplateTests {
    private func folder(_ files: [String: String]) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "templates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, content) in files { try Data(content.utf8).write(to: folder.appending(path: name)) }
        return folder
    }

    @Test(arguments: [
        ([:], nil),
        (["tokenizer_config.json": "{}"], nil),
        (["tokenizer_config.json": #"{"chat_template": null}"#], nil),
        (["tokenizer_config.json": #"{"chat_template": "T"}"#], "T"),
        (
            [
                "tokenizer_config.json":
                    #"{"chat_template": [{"name": "rag", "template": "R"}, {"name": "default", "template": "D"}]}"#
            ], "D"
        ),
        (["tokenizer_config.json": #"{"chat_template": "T"}"#, "chat_template.json": #"{"chat_template": "J"}"#], "J"),
        (["chat_template.json": #"{"chat_template": "J"}"#, "chat_template.jinja": "F"], "F"),
        (["chat_template.json": "{}", "tokenizer_config.json": #"{"chat_template": "T"}"#], "T"),
    ])
    func `the template is found where Hugging Face finds it`(files: [String: String], expected: String?) throws {
        let folder = try folder(files)
        defer { try? FileManager.default.removeItem(at: folder) }
        let template = try ChatTemplate.load(from: folder.path())
        #expect(try template?.render([], addGenerationPrompt: false).plain == expected)
    }

    @Test func `a template of the wrong kind names its file`() throws {
        let folder = try folder(["chat_template.json": #"{"chat_template": 3}"#])
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect {
            try ChatTemplate.load(from: folder.path())
        } throws: { error in
            (error as? TemplateError)?.description.contains("chat_template.json") ?? false
        }
    }

    @Test(arguments: [
        ("{% for p in messages[0].content %}P{% endfor %}", "PPP"),
        ("{% for p in messages[0]['content'] %}P{% endfor %}", "PPP"),
        ("{% set c = messages[0].content %}{% for p in c %}P{% endfor %}", "PPP"),
        ("{% macro f(content) %}{% for p in content %}P{% endfor %}{% endmacro %}{{ f(messages[0].content) }}", "PPP"),
        ("{% for p in messages[0].content | selectattr('type', 'equalto', 'image') %}P{% endfor %}", "P"),
        ("{{ messages[0].content }}", "<image>\none\ntwo"),
    ])
    func `content is a list for templates that go through it, else a string`(source: String, expected: String) throws {
        let message = ChatMessage(role: "user", content: [.text("one"), .image, .text("two")])
        let prompt = try ChatTemplate(source: source).render([message], addGenerationPrompt: false)
        #expect(prompt.plain == expected)
    }

    @Test func `the date is today's`() throws {
        let before = Date()
        let year = try ChatTemplate(source: "{{ strftime_now('%Y') }}").render([], addGenerationPrompt: false).plain
        let years = [before, Date()].map { String(Calendar.current.component(.year, from: $0)) }
        #expect(years.contains(year))
    }
}
