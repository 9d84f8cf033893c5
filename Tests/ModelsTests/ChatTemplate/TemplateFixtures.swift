import Foundation
import Models

/// Templates and goldens under Tests/Fixtures/chat-template, made by Tests/Reference/chat_template_goldens.py.
enum TemplateFixtures {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fixtures/chat-template")

    static func source(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appending(path: name + ".jinja")), as: UTF8.self)
    }

    static func decode<Value: Decodable>(_ file: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: file)))
    }
}

struct TemplateGoldens: Decodable {
    struct Message: Decodable {
        var role: String
        /// Null is the place of an image.
        var parts: [String?]
    }

    struct Case: Decodable {
        var template: String
        var conversation: String
        var variables: String
        var generation: Bool
        var expected: String?
        var error: String?
    }

    var conversations: [String: [Message]]
    var variables: [String: GoldenValue]
    var cases: [Case]

    func messages(_ name: String) -> [ChatMessage] {
        (conversations[name] ?? []).map { message in
            ChatMessage(role: message.role, content: message.parts.map { $0.map(ContentPart.text) ?? .image })
        }
    }
}

struct TemplateSnippets: Decodable {
    struct Case: Decodable {
        var source: String
        var expected: String?
        var error: String?
    }

    var variables: GoldenValue
    var cases: [Case]
}

/// A variable whose dictionaries keep their order.
struct GoldenValue: Decodable {
    private enum CodingKeys: String, CodingKey { case list, dict, float }

    private struct Entry: Decodable {
        var key: String
        var value: GoldenValue

        init(from decoder: any Decoder) throws {
            var fields = try decoder.unkeyedContainer()
            key = try fields.decode(String.self)
            value = try fields.decode(GoldenValue.self)
        }
    }

    var value: TemplateValue
    private var entries: [Entry] = []

    var named: [String: TemplateValue] { Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.value.value) }) }

    init(from decoder: any Decoder) throws {
        if let fields = try? decoder.container(keyedBy: CodingKeys.self) {
            if let items = try fields.decodeIfPresent([GoldenValue].self, forKey: .list) {
                value = .list(items.map(\.value))
            } else if let number = try fields.decodeIfPresent(String.self, forKey: .float) {
                value = .number(Double(number) ?? .nan)
            } else {
                entries = try fields.decode([Entry].self, forKey: .dict)
                value = .dictionary(entries.map { (TemplateString(untrusted: $0.key), $0.value.value) })
            }
            return
        }
        let field = try decoder.singleValueContainer()
        if field.decodeNil() {
            value = .none
        } else if let flag = try? field.decode(Bool.self) {
            value = .boolean(flag)
        } else if let number = try? field.decode(Int.self) {
            value = .integer(number)
        } else {
            value = .untrusted(try field.decode(String.self))
        }
    }
}
