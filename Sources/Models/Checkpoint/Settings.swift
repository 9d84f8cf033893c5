/// One JSON object of a checkpoint's settings, read by key with errors that name the file and the whole key path.
///
/// Lenient where checkpoints differ (a `null` counts as absent, a whole number may be written as 2.0), strict where a
/// wrong value would be computed with: every number has a range.
struct Settings: Sendable {
    let file: String
    /// Keys that led here, "text_config.rope_parameters"; empty for the file itself.
    let path: String
    private let members: [String: JSONValue]

    /// Larger than any settings file seen (a vocabulary is not settings), small enough to parse at once.
    static let longestFile = 16 << 20

    init(file: String, path: String = "", members: [String: JSONValue]) {
        self.file = file
        self.path = path
        self.members = members
    }

    /// Reads the JSON object that is the file at `path`.
    init(contentsOf path: String) throws {
        let file = try MappedFile(path)
        guard file.byteCount <= Self.longestFile else {
            throw ModelError.unreadable(file: path, reason: "settings of \(file.byteCount) bytes are not believable")
        }
        guard case .object(let members) = try JSONParser.parse(file.bytes, file: path) else {
            throw ModelError.malformedJSON(file: path, offset: 0, reason: "the text is not an object")
        }
        self.init(file: path, members: members.dictionary)
    }

    /// The same with `defaults` where a member is absent or null.
    func filled(with defaults: [String: JSONValue]) -> Settings {
        let given = members.filter { $0.value != .null }
        return Settings(file: file, path: path, members: defaults.merging(given) { $1 })
    }

    /// Where the file lies.
    var folder: String { file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "." }

    /// In order.
    var keys: [String] { members.keys.sorted() }

    /// The member `key`; nil when it is absent or null.
    func value(_ key: String) -> JSONValue? {
        guard let value = members[key], value != .null else { return nil }
        return value
    }

    /// The object under `key`; nil when it is absent or null.
    func section(_ key: String) throws -> Settings? {
        guard let value = value(key) else { return nil }
        guard case .object(let members) = value else { throw failure(key, expected: "an object") }
        return Settings(file: file, path: name(key), members: members.dictionary)
    }

    /// A fallback often follows from other settings, so it is held against the range like a value that is there.
    func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) throws -> Int {
        let found: Int? =
            switch value(key) {
            case .integer(let number): number
            case .number(let number): Int(exactly: number)
            case nil: fallback
            default: nil
            }
        guard let found, range.contains(found) else {
            throw ModelError.badSetting(
                file: file, key: name(key),
                expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
                found: value(key)?.summary ?? fallback.map { "absent, which stands for \($0)" } ?? "absent")
        }
        return found
    }

    func number(_ key: String, in range: ClosedRange<Double>, default fallback: Double? = nil) throws -> Double {
        let found: Double? =
            switch value(key) {
            case .integer(let number): Double(number)
            case .number(let number): number
            case nil: fallback
            default: nil
            }
        guard let found, range.contains(found) else {
            throw failure(key, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return found
    }

    func boolean(_ key: String, default fallback: Bool) throws -> Bool {
        switch value(key) {
        case .boolean(let value): return value
        case nil: return fallback
        default: throw failure(key, expected: "true or false")
        }
    }

    func string(_ key: String, default fallback: String? = nil) throws -> String {
        switch value(key) {
        case .string(let value): return value
        case nil:
            if let fallback { return fallback }
        default: break
        }
        throw failure(key, expected: "a string")
    }

    func strings(_ key: String) throws -> [String] {
        guard let value = value(key) else { return [] }
        guard case .array(let values) = value else { throw failure(key, expected: "an array of strings") }
        return try values.map {
            guard case .string(let string) = $0 else { throw failure(key, expected: "an array of strings") }
            return string
        }
    }

    /// Whole numbers; nil when absent.
    func integers(_ key: String, in range: ClosedRange<Int>) throws -> [Int]? {
        guard let value = value(key) else { return nil }
        let expected = "an array of whole numbers from \(range.lowerBound) to \(range.upperBound)"
        guard case .array(let values) = value else { throw failure(key, expected: expected) }
        return try values.map {
            guard case .integer(let number) = $0, range.contains(number) else { throw failure(key, expected: expected) }
            return number
        }
    }

    /// Three numbers, one for each colour; a single one stands for all.
    func colours(_ key: String) throws -> [Double] {
        let values: [JSONValue]
        switch value(key) {
        case .array(let array): values = array
        case .some(let single): values = [single, single, single]
        case nil: values = []
        }
        let numbers = values.compactMap { value -> Double? in
            switch value {
            case .integer(let number): Double(number)
            case .number(let number): number
            default: nil
            }
        }
        guard numbers.count == 3, values.count == 3 else { throw failure(key, expected: "three numbers") }
        return numbers
    }

    /// Token ids: one number or an array of them; empty when absent.
    func tokens(_ key: String) throws -> [Int32] {
        let values: [JSONValue]
        switch value(key) {
        case nil: return []
        case .array(let array): values = array
        case .some(let single): values = [single]
        }
        return try values.map {
            guard case .integer(let id) = $0, let token = Int32(exactly: id), token >= 0 else {
                throw failure(key, expected: "token ids")
            }
            return token
        }
    }

    func failure(_ key: String, expected: String) -> ModelError {
        .badSetting(file: file, key: name(key), expected: expected, found: members[key]?.summary ?? "absent")
    }

    func unsupported(_ key: String, supported: String) -> ModelError {
        .unsupportedSetting(
            file: file, key: name(key), found: members[key]?.summary ?? "absent", supported: supported)
    }

    private func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
