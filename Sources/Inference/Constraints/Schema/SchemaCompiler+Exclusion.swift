import Models

/// `oneOf` forbids values that two of its schemas allow, which an automaton cannot; so they must exclude each other
/// visibly: by type, by values, or by a property.
extension SchemaCompiler {
    mutating func checkExclusion(of branches: [(JSONValue, String)], of part: SchemaPart) throws(ConstraintError) {
        guard branches.count <= 64 else {
            throw .tooLarge(what: "schemas in one oneOf at \(part.path)", limit: 64)
        }
        var conjunctions: [Conjunction] = []
        for branch in branches { conjunctions.append(try conjunction([branch])) }
        for first in conjunctions.indices {
            for second in conjunctions.indices where second != first {
                if try !excludes(conjunctions[first], conjunctions[second]) {
                    throw .unsupportedKeyword(
                        "oneOf", path: part.path,
                        reason: "its schemas \(min(first, second)) and \(max(first, second)) may allow the same "
                            + "value; use anyOf, or give them a property of different const values")
                }
            }
        }
    }

    /// Whether no value that is written for `first` is an instance of `second`.
    private func excludes(_ first: Conjunction, _ second: Conjunction) throws(ConstraintError) -> Bool {
        if first.isNever || second.isNever { return true }
        let types = try strictTypes(first.parts), others = try strictTypes(second.parts)
        if types.isDisjoint(with: others) { return true }
        for part in first.parts {
            for other in second.parts {
                if let values = try Self.ownValues(of: part), let others = try Self.ownValues(of: other),
                    !values.contains(where: { value in others.contains { Self.mayEqual(value, $0) } })
                {
                    return true
                }
            }
        }
        guard types.intersection(others) == [.object] else { return false }
        if try differ(first.parts, second.parts) { return true }
        return try lacks(first.parts, requirementOf: second.parts)
    }

    /// 1 and 1.0 are one number.
    private static func mayEqual(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.integer(let integer), .number(let number)), (.number(let number), .integer(let integer)):
            Double(integer) == number
        case (.array, .array), (.object, .object): true
        default: left == right
        }
    }

    private func strictTypes(_ parts: [SchemaPart]) throws(ConstraintError) -> Set<SchemaType> {
        var types = Set(SchemaType.allCases)
        for part in parts {
            if let named = try Self.namedTypes(of: part) { types.formIntersection(named) }
            if let values = try Self.ownValues(of: part) { types.formIntersection(values.map { SchemaType(of: $0) }) }
        }
        return types
    }

    /// Whether a property that one requires has other values in the other, where it is required too.
    private func differ(_ first: [SchemaPart], _ second: [SchemaPart]) throws(ConstraintError) -> Bool {
        let values = try fixedProperties(of: first), others = try fixedProperties(of: second)
        return values.contains { name, own in
            others[name].map { other in !own.contains { value in other.contains { Self.mayEqual(value, $0) } } }
                ?? false
        }
    }

    /// The required properties that have `const` or `enum`, and their values.
    private func fixedProperties(of parts: [SchemaPart]) throws(ConstraintError) -> [String: [JSONValue]] {
        var required = Set<String>()
        for part in parts { required.formUnion(try part.strings("required")) }
        var values: [String: [JSONValue]] = [:]
        for part in parts {
            for (name, schema) in try part.object("properties") ?? [:] where required.contains(name) {
                guard case .object(let members) = schema else { continue }
                let property = SchemaPart(members: members, path: part.path)
                if let own = try Self.ownValues(of: property) { values[name] = own }
            }
        }
        return values
    }

    /// Whether what is written for `first` never has a property that `second` requires.
    private func lacks(_ first: [SchemaPart], requirementOf second: [SchemaPart]) throws(ConstraintError) -> Bool {
        let layout = try objectLayout(of: first)
        guard !layout.isOpen else { return false }
        for part in second {
            for name in try part.strings("required") where !layout.names.contains(name) { return true }
        }
        return false
    }
}
