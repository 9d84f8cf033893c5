import FoundationEssentials

extension ChatTemplate {
    /// The template of a checkpoint's folder, or nil when it has none.
    ///
    /// Looks, as Hugging Face does, into `chat_template.jinja`, then `chat_template.json`, then
    /// `tokenizer_config.json`; of several named templates it takes "default".
    ///
    /// - Throws: `TemplateError`
    public static func load(from folder: String) throws(TemplateError) -> ChatTemplate? {
        let path = folder + "/chat_template.jinja"
        if let data = try contents(of: path) {
            return try ChatTemplate(source: String(decoding: data, as: UTF8.self))
        }
        for name in ["chat_template.json", "tokenizer_config.json"] {
            let path = folder + "/" + name
            guard let data = try contents(of: path) else { continue }
            let file: TemplateFile
            do {
                file = try JSONDecoder().decode(TemplateFile.self, from: data)
            } catch {
                throw .unreadable(file: path, reason: "its chat_template is neither a text nor a list of named texts")
            }
            if let source = file.source { return try ChatTemplate(source: source) }
        }
        return nil
    }

    private static func contents(of path: String) throws(TemplateError) -> Data? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            return try Data(contentsOf: URL(filePath: path))
        } catch {
            throw .unreadable(file: path, reason: "\(error)")
        }
    }
}

private struct TemplateFile: Decodable {
    var source: String?

    private enum CodingKeys: String, CodingKey { case source = "chat_template" }

    private struct Named: Decodable {
        var name: String
        var template: String
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        guard fields.contains(.source), try !fields.decodeNil(forKey: .source) else { return }
        if let text = try? fields.decode(String.self, forKey: .source) {
            source = text
        } else {
            let all = try fields.decode([Named].self, forKey: .source)
            source = (all.first { $0.name == "default" } ?? all.first)?.template
        }
    }
}
