import Inference
import Models

/// The fields that say what an answer must look like, in all their spellings: OpenAI's `response_format`, vLLM's
/// `structured_outputs`, and `guided_…` at the top (vLLM before 0.12) or in `nvext` (NIM 1). One of them at a time.
enum ConstraintFields {
    struct Found {
        let source: OutputConstraint
        /// The field's name, for errors.
        let field: String
    }

    static func constraint(in fields: JSONFields) throws(APIError) -> Found? {
        var found = try responseFormat(fields)
        if let structured = try fields.fields("structured_outputs") {
            let source = try source(in: structured, prefix: "", field: "structured_outputs")
            guard let source else {
                throw .badRequest(
                    "structured_outputs must have one of json, json_object, regex, choice and grammar",
                    param: "structured_outputs")
            }
            try note(Found(source: source, field: "structured_outputs"), in: &found)
        }
        if let source = try source(in: fields, prefix: "guided_", field: nil) { try note(source, in: &found) }
        if let extensions = try fields.fields("nvext"),
            let source = try source(in: extensions, prefix: "guided_", field: "nvext")
        {
            try note(Found(source: source, field: "nvext"), in: &found)
        }
        return found
    }

    private static func note(_ new: Found, in found: inout Found?) throws(APIError) {
        if let other = found {
            throw .badRequest(
                "\(new.field) and \(other.field) both constrain the output; only one of them may", param: new.field)
        }
        found = new
    }

    // MARK: response_format

    private static func responseFormat(_ fields: JSONFields) throws(APIError) -> Found? {
        guard let format = try fields.fields("response_format") else { return nil }
        guard let type = try format.string("type") else {
            throw .malformed("body.response_format.type is missing", param: "body.response_format.type")
        }
        switch type {
        case "text": return nil
        case "json_object": return Found(source: .jsonObject(), field: "response_format")
        case "json_schema":
            guard let definition = try format.fields("json_schema") else {
                throw .badRequest("response_format.json_schema is missing", param: "response_format")
            }
            guard let schema = definition["schema"] else {
                throw .badRequest("response_format.json_schema.schema is missing", param: "response_format")
            }
            return Found(source: .jsonSchema(schema.text), field: "response_format")
        default:
            throw .badRequest(
                "response_format.type must be text, json_object or json_schema, not \(type.prefix(40))",
                param: "response_format")
        }
    }

    // MARK: json, regex, choice, grammar

    /// At the top each kind is a field of its own.
    private static func source(
        in fields: JSONFields, prefix: String, field: String?
    ) throws(APIError) -> Found? {
        var found: Found?
        for kind in ["json", "json_object", "regex", "choice", "grammar"] where fields[prefix + kind] != nil {
            let name = field ?? prefix + kind
            if let source = try source(of: kind, named: prefix + kind, in: fields, style(fields, prefix), field: name) {
                try note(Found(source: source, field: name), in: &found)
            }
        }
        return found
    }

    private static func source(
        in fields: JSONFields, prefix: String, field: String
    ) throws(APIError) -> OutputConstraint? {
        if fields[prefix + "structural_tag"] != nil {
            throw .badRequest("\(field).\(prefix)structural_tag is not supported", param: field)
        }
        var sources: [OutputConstraint] = []
        for kind in ["json", "json_object", "regex", "choice", "grammar"] {
            if let source = try source(of: kind, named: prefix + kind, in: fields, style(fields, prefix), field: field)
            {
                sources.append(source)
            }
        }
        guard sources.count < 2 else {
            throw .badRequest("\(field) must have only one kind of constraint, not \(sources.count)", param: field)
        }
        return sources.first
    }

    private static func source(
        of kind: String, named name: String, in fields: JSONFields, _ style: OutputConstraint.JSONStyle, field: String
    ) throws(APIError) -> OutputConstraint? {
        switch kind {
        case "json":
            switch fields[name] {
            case nil: return nil
            // A schema as text, as vLLM takes it too.
            case .string(let text): return .jsonSchema(text, style)
            case let schema?: return .jsonSchema(schema.text, style)
            }
        case "json_object": return try fields.bool(name) == true ? .jsonObject(style) : nil
        case "regex": return try fields.string(name).map { .regex($0) }
        case "grammar": return try fields.string(name).map { .grammar($0) }
        default:
            guard let nodes = try fields.list(name) else { return nil }
            var texts: [String] = []
            for (index, node) in nodes.enumerated() {
                guard case .string(let text) = node else {
                    throw fields.wrongType("\(name).\(index)", "a string", node)
                }
                texts.append(text)
            }
            return .choice(texts)
        }
    }

    private static func style(_ fields: JSONFields, _ prefix: String) throws(APIError) -> OutputConstraint.JSONStyle {
        var style = OutputConstraint.JSONStyle()
        if let pattern = try fields.string(prefix + "whitespace_pattern") { style.whitespace = .pattern(pattern) }
        guard prefix.isEmpty else { return style }
        if try fields.bool("disable_any_whitespace") == true { style.whitespace = .none }
        style.closesObjects = try fields.bool("disable_additional_properties") ?? false
        return style
    }
}

extension ChatRequest {
    /// Compiles the constraint, which takes its time; errors name the field that has it.
    func checkConstraint(by compiler: ConstraintCompiler) throws(APIError) {
        guard let source = sampling.constraint else { return }
        do {
            _ = try compiler.compile(source)
        } catch {
            let field = constraintField ?? "structured_outputs"
            throw .badRequest("\(field): \(error)", param: field)
        }
    }
}
