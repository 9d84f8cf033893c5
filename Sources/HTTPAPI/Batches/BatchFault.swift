import FoundationEssentials

/// Something wrong with a batch's file that no line of it is run for.
struct BatchFault: Codable, Sendable, Hashable {
    /// OpenAI's names where it has some.
    enum Code: String, Codable, Sendable {
        case invalidJSONLine = "invalid_json_line"
        case missingParameter = "missing_required_parameter"
        case invalidParameter = "invalid_parameter"
        case duplicateCustomID = "duplicate_custom_id"
        case invalidMethod = "invalid_method"
        case invalidURL = "invalid_url"
        case modelNotFound = "model_not_found"
        case emptyFile = "empty_file"
        case tooManyTasks = "too_many_tasks"
        case invalidFile = "invalid_input_file"
        /// Stands for all that are not listed one by one.
        case moreErrors = "more_errors"
    }

    var code: Code
    var message: String
    /// The field of the line.
    var param: String?
    /// Counted from 1, blank lines included; nil when it is the file's.
    var line: Int?

    var json: JSONNode {
        [
            "code": .string(code.rawValue), "message": .string(message), "param": .optional(param),
            "line": .optional(line),
        ]
    }

    /// As a batch's row holds them.
    static func text(_ faults: [BatchFault]) -> String { JSONNode.array(faults.map(\.json)).text }

    static func list(_ text: String) -> [BatchFault] {
        (try? JSONDecoder().decode([BatchFault].self, from: Data(text.utf8))) ?? []
    }
}

extension BatchProcessor {
    /// What is wrong with a batch that failed, for people: a sentence for each of its `errors`.
    public static func sentences(of errors: String) -> [String] {
        BatchFault.list(errors).map { fault in
            (fault.line.map { "line \($0): " } ?? "") + "\(fault.code.rawValue): \(fault.message)"
        }
    }
}
