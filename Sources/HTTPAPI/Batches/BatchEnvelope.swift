import Models

/// One line of a batch's file: what is around the request, and what is wrong with that.
///
/// Only this is judged before anything runs. What is wrong with the request itself, its temperature or its image, concerns
/// its line alone and is told in the error file.
struct BatchEnvelope: Sendable {
    static let longestCustomID = 512

    let line: Int
    private(set) var customID: String?
    private(set) var body = JSONValue.null
    private(set) var faults: [BatchFault] = []

    init(_ line: InputLine, endpoint: String, modelNames: [String]) {
        self.line = line.number
        guard let members = object(line.text) else { return }
        readCustomID(members["custom_id"])
        require(members["method"], "method", toBe: "POST", else: .invalidMethod)
        require(members["url"], "url", toBe: endpoint, else: .invalidURL)
        readBody(members["body"], modelNames)
    }

    private mutating func object(_ text: [UInt8]?) -> JSONObject? {
        guard let text else {
            note(.invalidJSONLine, "The line is longer than a request may be.")
            return nil
        }
        do {
            let value = try text.withUnsafeBytes {
                try JSONValue.parse($0, name: "The line", mostValues: JSONValue.mostBodyValues)
            }
            if case .object(let members) = value { return members }
            note(.invalidJSONLine, "The line must be an object, not \(value.kind).")
        } catch {
            note(.invalidJSONLine, "\(error)")
        }
        return nil
    }

    private mutating func note(_ code: BatchFault.Code, _ message: String, param: String? = nil) {
        faults.append(BatchFault(code: code, message: message, param: param, line: line))
    }

    private mutating func readCustomID(_ value: JSONValue?) {
        switch value {
        case nil, .null: note(.missingParameter, "custom_id is missing.", param: "custom_id")
        case .string(let text) where (1...Self.longestCustomID).contains(text.utf8.count): customID = text
        default:
            note(
                .invalidParameter, "custom_id must be a text of 1 to \(Self.longestCustomID) bytes.",
                param: "custom_id")
        }
    }

    private mutating func require(
        _ value: JSONValue?, _ name: String, toBe expected: String, else code: BatchFault.Code
    ) {
        switch value {
        case nil, .null: note(.missingParameter, "\(name) is missing.", param: name)
        case .string(expected): break
        case .string(let found): note(code, "\(name) must be \(expected), not \(found.prefix(60)).", param: name)
        case let found?: note(code, "\(name) must be \(expected), not \(found.kind).", param: name)
        }
    }

    private mutating func readBody(_ value: JSONValue?, _ modelNames: [String]) {
        switch value {
        case nil, .null: note(.missingParameter, "body is missing.", param: "body")
        case .object(let members)?:
            body = .object(members)
            guard case .string(let model)? = members["model"], !model.isEmpty, !modelNames.contains(model) else {
                return
            }
            note(
                .modelNotFound,
                "The model `\(model.prefix(100))` does not exist; this server has: "
                    + modelNames.joined(separator: ", "), param: "body.model")
        case let found?: note(.invalidParameter, "body must be an object, not \(found.kind).", param: "body")
        }
    }
}
