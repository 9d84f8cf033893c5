import Models

/// Makes the language of a JSON schema's instances, or of a part of them: whatever is written is valid, but not all that is
/// valid can be written.
///
/// A value must satisfy several schemas at once (`allOf`, a `$ref` with company), so every function takes them together, and
/// asks each for its keywords: nothing has to be merged. Objects have their properties in the order of the schema. What a
/// schema leaves open is closed where it names properties or first items, as OpenAI's strict mode and vLLM do.
struct SchemaCompiler {
    /// Schemas that hold together; of `false` there can be no value.
    struct Conjunction {
        var parts: [SchemaPart] = []
        var isNever = false
    }

    private let root: JSONValue
    let closesObjects: Bool
    var writing: JSONWriting
    private var references: [String: Int] = [:]
    /// Rules that are referred to and not compiled yet.
    private var pending: [(number: Int, schema: JSONValue, path: String)] = []
    private var schemasLeft = ConstraintLimits.schemas

    private init(root: JSONValue, style: OutputConstraint.JSONStyle, table: RuleTable) throws(ConstraintError) {
        self.root = root
        closesObjects = style.closesObjects
        writing = try JSONWriting(style, table: table)
    }

    static func pattern(
        of schema: String, _ style: OutputConstraint.JSONStyle, table: inout RuleTable
    ) throws(ConstraintError) -> Pattern {
        guard schema.utf8.count <= ConstraintLimits.schemaBytes else {
            throw .tooLarge(what: "bytes of a JSON schema", limit: ConstraintLimits.schemaBytes)
        }
        var compiler = try SchemaCompiler(root: parsed(schema), style: style, table: table)
        let pattern = try compiler.compile(compiler.root, at: "#")
        while let next = compiler.pending.popLast() {
            compiler.writing.table.set(next.number, try compiler.compile(next.schema, at: next.path))
        }
        table = compiler.writing.table
        return pattern
    }

    private static func parsed(_ schema: String) throws(ConstraintError) -> JSONValue {
        var schema = schema
        do {
            return try schema.withUTF8 {
                try JSONValue.parse(
                    UnsafeRawBufferPointer($0), name: "The schema", mostValues: ConstraintLimits.schemaBytes)
            }
        } catch {
            throw .malformedSchema(path: "#", reason: "\(error)")
        }
    }

    // MARK: Gathering

    mutating func compile(_ schema: JSONValue, at path: String) throws(ConstraintError) -> Pattern {
        if let reference = try onlyReference(schema, path) { return .rule(try rule(for: reference)) }
        return try compile(try conjunction([(schema, path)]))
    }

    /// The target of a schema that is a reference and nothing else, as recursive ones must be; alone in `allOf` too.
    private func onlyReference(_ schema: JSONValue, _ path: String) throws(ConstraintError) -> String? {
        guard case .object(let members) = schema else { return nil }
        let keywords = members.keys.filter { !SchemaKeywords.isAnnotation($0) }
        guard keywords.count == 1 else { return nil }
        switch (keywords[0], members[keywords[0]]) {
        case ("$ref", .string(let reference)?): return reference
        case ("allOf", .array(let parts)?) where parts.count == 1: return try onlyReference(parts[0], path)
        default: return nil
        }
    }

    private mutating func rule(for reference: String) throws(ConstraintError) -> Int {
        if let known = references[reference] { return known }
        let number = try writing.table.reserve()
        references[reference] = number
        pending.append((number, try target(of: reference), reference))
        return number
    }

    private func target(of reference: String) throws(ConstraintError) -> JSONValue {
        guard reference == "#" || reference.hasPrefix("#/") else {
            throw .unsupportedKeyword(
                "$ref", path: reference, reason: "only references within the schema, #/…, can be followed")
        }
        var value = root
        for step in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false)
        where reference != "#" {
            let key = String(step.replacing("~1", with: "/").replacing("~0", with: "~"))
            switch value {
            case .object(let members) where members[key] != nil: value = members[key] ?? .null
            case .array(let values) where Int(key).map(values.indices.contains) ?? false:
                value = values[Int(key) ?? 0]
            default: throw .malformedSchema(path: reference, reason: "there is nothing there to refer to")
            }
        }
        return value
    }

    mutating func conjunction(_ schemas: [(JSONValue, String)]) throws(ConstraintError) -> Conjunction {
        var conjunction = Conjunction()
        for (schema, path) in schemas { try gather(schema, path, references: 0, into: &conjunction) }
        return conjunction
    }

    private mutating func gather(
        _ schema: JSONValue, _ path: String, references: Int, into all: inout Conjunction
    ) throws(ConstraintError) {
        schemasLeft -= 1
        guard schemasLeft > 0 else {
            throw .tooLarge(
                what: "schemas, and alternatives of several that hold together", limit: ConstraintLimits.schemas)
        }
        guard references <= ConstraintLimits.nesting else {
            throw .malformedSchema(path: path, reason: "references lead to references without end")
        }
        switch schema {
        case .boolean(let isAllowed): all.isNever = all.isNever || !isAllowed
        case .object(let members):
            let part = SchemaPart(members: members, path: path)
            if let keyword = members.keys.first(where: { !Self.isKnown($0, at: path) }) {
                throw .unsupportedKeyword(keyword, path: path)
            }
            all.parts.append(part)
            for (index, element) in (try part.array("allOf") ?? []).enumerated() {
                try gather(element, "\(part.at("allOf"))/\(index)", references: references, into: &all)
            }
            if let reference = try part.string("$ref") {
                try gather(target(of: reference), reference, references: references + 1, into: &all)
            }
        default: throw .malformedSchema(path: path, reason: "a schema must be an object, true or false")
        }
    }

    private static func isKnown(_ keyword: String, at path: String) -> Bool {
        // Within, it would change what references mean.
        if keyword == "$id" || keyword == "$anchor" { return path == "#" }
        return SchemaKeywords.isAnnotation(keyword) || SchemaKeywords.known.contains(keyword)
    }

    // MARK: What a value may be

    mutating func compile(_ all: Conjunction) throws(ConstraintError) -> Pattern {
        if all.isNever { return .nothing }
        if let alternatives = try alternatives(of: all) { return .choice(alternatives) }
        if let values = try values(of: all.parts) { return .choice(values.map { .literal($0.text) }) }
        var types = try types(of: all.parts)
        if types.contains(.number) { types.remove(.integer) }
        if types == Self.allTypes && !all.parts.contains(where: Self.saysMore) { return try writing.value() }
        var choices: [Pattern] = []
        for type in SchemaType.allCases where types.contains(type) { choices.append(try pattern(of: type, all.parts)) }
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private static let allTypes = Set(SchemaType.allCases).subtracting([.integer])

    private static func saysMore(_ part: SchemaPart) -> Bool {
        part.members.keys.contains { keywordTypes(of: $0) != nil }
    }

    private mutating func pattern(of type: SchemaType, _ parts: [SchemaPart]) throws(ConstraintError) -> Pattern {
        switch type {
        case .null: JSONPatterns.null
        case .boolean: JSONPatterns.boolean
        case .integer: try number(parts, isInteger: true)
        case .number: try number(parts, isInteger: false)
        case .string: try string(parts)
        case .array: try array(parts)
        case .object: try object(parts)
        }
    }

    /// What one of several `anyOf` and `oneOf` branches into, each with everything else that holds.
    private mutating func alternatives(of all: Conjunction) throws(ConstraintError) -> [Pattern]? {
        for (index, part) in all.parts.enumerated() {
            for keyword in ["anyOf", "oneOf"] {
                guard let elements = try part.array(keyword) else { continue }
                guard !elements.isEmpty else { throw part.wrong(keyword, "it is empty") }
                var rest = all
                var members = part.members.dictionary
                members[keyword] = nil
                rest.parts[index] = SchemaPart(members: JSONObject(members), path: part.path)
                let branches = elements.enumerated().map { ($1, "\(part.at(keyword))/\($0)") }
                if keyword == "oneOf" { try checkExclusion(of: branches, of: part) }
                return try compile(branches, beside: rest)
            }
        }
        return nil
    }

    private mutating func compile(
        _ branches: [(JSONValue, String)], beside rest: Conjunction
    ) throws(ConstraintError) -> [Pattern] {
        let isAlone = rest.parts.allSatisfy { $0.members.keys.allSatisfy(SchemaKeywords.isAnnotation) }
        var patterns: [Pattern] = []
        for branch in branches {
            if isAlone {
                patterns.append(try compile(branch.0, at: branch.1))
            } else {
                let branch = try conjunction([branch])
                patterns.append(
                    try compile(
                        Conjunction(parts: rest.parts + branch.parts, isNever: rest.isNever || branch.isNever)))
            }
        }
        return patterns
    }

    // MARK: Types and values

    /// The types that all of `parts` allow. Who names none but has keywords of some means values of those.
    func types(of parts: [SchemaPart]) throws(ConstraintError) -> Set<SchemaType> {
        var types = Set(SchemaType.allCases)
        var isNamed = false
        var implied = Set<SchemaType>()
        for part in parts {
            if let own = try Self.namedTypes(of: part) {
                types.formIntersection(own)
                isNamed = true
            }
            for keyword in part.members.keys { implied.formUnion(Self.keywordTypes(of: keyword) ?? []) }
        }
        return isNamed || implied.isEmpty ? types : implied
    }

    static func keywordTypes(of keyword: String) -> Set<SchemaType>? {
        if SchemaKeywords.ofObjects.contains(keyword) { return [.object] }
        if SchemaKeywords.ofArrays.contains(keyword) { return [.array] }
        if SchemaKeywords.ofNumbers.contains(keyword) { return [.number, .integer] }
        return SchemaKeywords.ofStrings.contains(keyword) ? [.string] : nil
    }

    static func namedTypes(of part: SchemaPart) throws(ConstraintError) -> Set<SchemaType>? {
        guard let value = part["type"] else { return nil }
        let names: [String] =
            if case .string(let name) = value { [name] } else { try part.strings("type") }
        var types = Set<SchemaType>()
        for name in names {
            guard let type = SchemaType(rawValue: name) else { throw part.wrong("type", "there is no such type") }
            types.insert(type)
            if type == .number { types.insert(.integer) }
        }
        if part["nullable"] == .boolean(true) { types.insert(.null) }
        return types
    }

    /// The values that `enum` and `const` leave; nil where there are none of them.
    private func values(of parts: [SchemaPart]) throws(ConstraintError) -> [JSONValue]? {
        var values: [JSONValue]?
        for part in parts {
            guard let own = try Self.ownValues(of: part) else { continue }
            values = values.map { $0.filter { own.contains($0) } } ?? own
        }
        guard let values else { return nil }
        for part in parts {
            if let keyword = part.members.keys.first(where: { Self.keywordTypes(of: $0) != nil }) {
                throw .unsupportedKeyword(keyword, path: part.path, reason: "it stands beside enum or const")
            }
        }
        let types = try types(of: parts)
        return values.filter { types.contains(SchemaType(of: $0)) }
    }

    static func ownValues(of part: SchemaPart) throws(ConstraintError) -> [JSONValue]? {
        let listed = try part.array("enum")
        guard let single = part["const"] else { return listed }
        return listed.map { $0.contains(single) ? [single] : [] } ?? [single]
    }
}
