/// Tokeniser and chat template for a configuration without a checkpoint: bytes, SmolVLM's way of writing a chat, and the
/// tags of all families.
enum StandInText {
    /// Tokens that the template and the image placeholders are made of.
    private static let special = [
        "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<global-img>", "<image>", "<img>",
        "</img>", "<IMG_CONTEXT>", "<|image_pad|>", "<start_of_image>", "<end_of_image>",
        "<image_soft_token>",
    ]

    /// One token for each byte, in the printable alphabet of GPT-2's byte-level BPE, and the special ones around
    /// `imageToken`, which a model of text alone has not.
    static func tokenizer(imageToken: Int32?, marker: String) throws -> Tokenizer {
        let taken = imageToken.map(Int.init)
        let count = 1 + Int(UInt8.max) + special.count
        var free = (0...count).filter { $0 != taken }.makeIterator()
        var vocabulary: [String] = []
        for byte in UInt8.min...UInt8.max {
            let symbol = ByteAlphabet.symbol(of: byte)
            vocabulary.append("\(quoted(String(decoding: symbol, as: UTF8.self))): \(free.next() ?? 0)")
        }
        let added = special.map { token in
            let id = (token == marker ? taken : nil) ?? free.next() ?? 0
            return """
                {"id": \(id), "content": "\(token)", "special": true, "normalized": false, "single_word": false, \
                "lstrip": false, "rstrip": false}
                """
        }
        let json = """
            {"added_tokens": [\(added.joined(separator: ", "))],
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
             "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "vocab": {\(vocabulary.joined(separator: ", "))}, "merges": []}}
            """
        return try Tokenizer(json: Array(json.utf8), configuration: nil, name: "stand-in tokenizer")
    }

    static func template(marker: String) throws -> ChatTemplate {
        try ChatTemplate(
            source: """
                <|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}: \
                {% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}\
                {% if part['type'] == 'text' %}{{ part['text'] }}{% else %}\(marker){% endif %}{% endfor %}{% endif %}\
                <end_of_utterance>
                {% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}
                """)
    }

    private static func quoted(_ text: String) -> String {
        text == "\"" || text == "\\" ? "\"\\\(text)\"" : "\"\(text)\""
    }
}
