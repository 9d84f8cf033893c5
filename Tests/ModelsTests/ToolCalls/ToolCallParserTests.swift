import Models
import Testing

/// An answer of a model, and what has to come of it.
struct Recorded: Sendable, CustomTestStringConvertible {
    let name: String
    let format: ToolFormat
    let answer: String
    /// All text joined.
    var text = ""
    var calls: [Call] = []

    struct Call: Sendable, Equatable {
        let name: String
        let arguments: String

        init(_ name: String, _ arguments: String) { (self.name, self.arguments) = (name, arguments) }
    }

    var testDescription: String { name }

    static func hermes(_ name: String, _ answer: String, text: String = "", _ calls: [Call] = []) -> Recorded {
        Recorded(name: name, format: .hermes, answer: answer, text: text, calls: calls)
    }

    static func llama(_ name: String, _ answer: String, text: String = "", _ calls: [Call] = []) -> Recorded {
        Recorded(name: name, format: .llama, answer: answer, text: text, calls: calls)
    }

    private static let weather = #"{"name": "weather", "arguments": {"town": "Köln", "days": [1, 2.50]}}"#
    private static let weatherCall = Call("weather", #"{"town": "Köln", "days": [1, 2.50]}"#)

    static let all: [Recorded] = [
        // Qwen2.5's and Hermes' own way.
        .hermes("one call", "<tool_call>\n\(weather)\n</tool_call>", [weatherCall]),
        .hermes("no line breaks", "<tool_call>\(weather)</tool_call>", [weatherCall]),
        .hermes(
            "words before", "I look <it> up.\n<tool_call>\n\(weather)\n</tool_call>", text: "I look <it> up.\n",
            [weatherCall]),
        .hermes(
            "two calls",
            "\n<tool_call>\n\(weather)\n</tool_call>\n<tool_call>\n{\"arguments\":{},\"name\":\"clock\"}\n</tool_call>\n",
            [weatherCall, Call("clock", "{}")]),
        .hermes("words after", "<tool_call>\(weather)</tool_call>\n So. ", text: "\n So. ", [weatherCall]),
        .hermes("never closed", "<tool_call>\n\(weather)\n", [weatherCall]),
        .hermes("no call", "  It is 5 < 6. <tool", text: "  It is 5 < 6. <tool"),
        .hermes("nothing but space", " \n", text: " \n"),
        .hermes("nothing", ""),
        .hermes(
            "under another key", #"<tool_call>{"name":"clock","parameters":{"a":1}}</tool_call>"#,
            [Call("clock", #"{"a":1}"#)]),
        .hermes(
            "arguments as text", #"<tool_call>{"name":"clock","arguments":"{\"a\": 1}"}</tool_call>"#,
            [Call("clock", #"{"a": 1}"#)]),
        .hermes(
            "markers inside a string",
            #"<tool_call>{"name":"clock","arguments":{"x":"</tool_call><tool_call>\"}{"}}</tool_call>"#,
            [Call("clock", #"{"x":"</tool_call><tool_call>\"}{"}"#)]),
        .hermes(
            "large numbers",
            #"<tool_call>{"name":"clock","arguments":{"n":123456789012345678901234567890}}</tool_call>"#,
            [Call("clock", #"{"n":123456789012345678901234567890}"#)]),
        // Hostile ones stay text.
        .hermes(
            "broken JSON", "<tool_call>{\"name\": weather}</tool_call>",
            text: "<tool_call>{\"name\": weather}</tool_call>"),
        .hermes(
            "unknown function", #"<tool_call>{"name":"rm","arguments":{}}</tool_call>"#,
            text: #"<tool_call>{"name":"rm","arguments":{}}</tool_call>"#),
        .hermes(
            "no arguments", #"<tool_call>{"name":"clock"}</tool_call>"#,
            text: #"<tool_call>{"name":"clock"}</tool_call>"#),
        .hermes(
            "arguments that are no object", #"<tool_call>{"name":"clock","arguments":[1]}</tool_call>"#,
            text: #"<tool_call>{"name":"clock","arguments":[1]}</tool_call>"#),
        .hermes(
            "the same key twice", #"<tool_call>{"name":"clock","name":"clock","arguments":{}}</tool_call>"#,
            text: #"<tool_call>{"name":"clock","name":"clock","arguments":{}}</tool_call>"#),
        .hermes("no object", "<tool_call>weather()</tool_call>", text: "<tool_call>weather()</tool_call>"),
        .hermes(
            "nested markers", "<tool_call><tool_call>\(weather)</tool_call></tool_call>",
            text: "<tool_call></tool_call>", [weatherCall]),
        .hermes(
            "cut short", "<tool_call>\n{\"name\": \"weather\", \"arg",
            text: "<tool_call>\n{\"name\": \"weather\", \"arg"),
        .hermes("closing cut short", "<tool_call>\(weather)</tool", text: "<tool_call>\(weather)</tool"),
        .hermes(
            "more after the object", "<tool_call>\(weather)x</tool_call>", text: "<tool_call>\(weather)x</tool_call>"),
        .hermes(
            "a good one after a bad one", "<tool_call>{]</tool_call><tool_call>\(weather)</tool_call>",
            text: "<tool_call>{]</tool_call>", [weatherCall]),
        .hermes(
            "deep", "<tool_call>" + String(repeating: "{\"a\":", count: 99),
            text: "<tool_call>" + String(repeating: "{\"a\":", count: 99)),
        // Llama 3's.
        .llama(
            "one call", #"{"name": "weather", "parameters": {"town": "Köln"}}"#, [Call("weather", #"{"town": "Köln"}"#)]
        ),
        .llama("tagged", #"<|python_tag|>{"name": "clock", "parameters": {}}"#, [Call("clock", "{}")]),
        .llama("spaced", " \n{\"name\": \"clock\", \"parameters\": {}}\n", [Call("clock", "{}")]),
        .llama(
            "several", #"{"name":"clock","parameters":{}}; {"name":"weather","arguments":{"a":"}; {"}}"#,
            [Call("clock", "{}"), Call("weather", #"{"a":"}; {"}"#)]),
        .llama(
            "a word", "It is fine. {\"name\": \"clock\", \"parameters\": {}}",
            text: "It is fine. {\"name\": \"clock\", \"parameters\": {}}"),
        .llama("a word after", #"{"name":"clock","parameters":{}} Done."#, text: " Done.", [Call("clock", "{}")]),
        .llama("some JSON", #" {"a": 1}"#, text: #" {"a": 1}"#),
        .llama("unknown function", #"{"name":"rm","parameters":{}}"#, text: #"{"name":"rm","parameters":{}}"#),
        .llama(
            "a second that is none", #"{"name":"clock","parameters":{}}; {"name":"#, text: #"; {"name":"#,
            [Call("clock", "{}")]),
        .llama("a tag alone", "<|python_tag|>", text: "<|python_tag|>"),
        .llama("code", "<|python_tag|>print(1)", text: "<|python_tag|>print(1)"),
        .llama("nothing", ""),
    ]
}

@Suite struct ToolCallParserTests {
    private func read(_ recorded: Recorded, _ pieces: [Substring]) -> (text: String, calls: [Recorded.Call]) {
        var parser = ToolCallParser(recorded.format, functions: ["weather", "clock"])
        let events = pieces.flatMap { parser.push(String($0)) } + parser.finish()
        var result = (text: "", calls: [Recorded.Call]())
        for event in events {
            switch event {
            case .text(let text): result.text += text
            case .call(let name, let arguments): result.calls.append(.init(name, arguments))
            }
        }
        return result
    }

    @Test(arguments: Recorded.all)
    func `an answer cut anywhere has the same calls and the same text`(recorded: Recorded) {
        let answer = recorded.answer
        var cuts = answer.indices.map { [answer[..<$0], answer[$0...]] }
        cuts.append([answer[...]])
        cuts.append(answer.indices.map { answer[$0...$0] })
        for pieces in cuts {
            let (text, calls) = read(recorded, pieces)
            #expect(text == recorded.text, "\(pieces)")
            #expect(calls == recorded.calls, "\(pieces)")
        }
    }

    @Test func `text is given out as soon as it cannot be part of a call`() {
        var hermes = ToolCallParser(.hermes, functions: ["clock"])
        #expect(hermes.push("It <is <too") == [.text("It <is ")])
        #expect(hermes.push("t>") == [.text("<toot>")])
        #expect(hermes.push("<tool_call>no") == [.text("<tool_call>no")])
        var llama = ToolCallParser(.llama, functions: ["clock"])
        #expect(llama.push("I") == [.text("I")])
        #expect(llama.push("t {") == [.text("t {")])
    }

    @Test func `a call is given out when it is closed, not at the answer's end`() {
        var parser = ToolCallParser(.hermes, functions: ["clock"])
        #expect(parser.push(#"<tool_call>{"name":"clock","arguments":{}}"#) == [])
        #expect(parser.push("\n</tool_call>") == [.call(name: "clock", arguments: "{}")])
    }

    @Test(arguments: [
        ("{% for t in tools %}{{ t }}{% endfor %}<tool_call>", ToolFormat.hermes),
        ("{{ tools }}<|start_header_id|>ipython<|end_header_id|>", .llama), ("{{ tools }}", nil),
        ("<tool_call>", nil), ("{{ tools }}<tool_call><function=x>", nil),
    ])
    func `the template tells how its model calls`(source: String, format: ToolFormat?) throws {
        let facts = try ChatTemplate(source: source).facts
        #expect(facts.toolFormat == format)
        #expect(facts.takesTools == source.contains("tools"))
    }
}
