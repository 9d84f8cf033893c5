import Models

extension SchemaCompiler {
    /// Which members the objects have that are written for some schemas.
    struct ObjectLayout {
        /// In the order in which the schemas name them, then what is only required.
        var names: [String] = []
        var required = Set<String>()
        /// Whether there may be members of other names.
        var isOpen = true
    }

    func objectLayout(of parts: [SchemaPart]) throws(ConstraintError) -> ObjectLayout {
        var layout = ObjectLayout()
        var known = Set<String>()
        var saysAdditional = false, hasProperties = false, isClosed = false
        for part in parts {
            if let properties = try part.object("properties") {
                hasProperties = true
                for name in properties.keys where known.insert(name).inserted { layout.names.append(name) }
            }
            if let additional = part["additionalProperties"] {
                saysAdditional = true
                isClosed = isClosed || additional == .boolean(false)
            }
        }
        for part in parts {
            for name in try part.strings("required") {
                layout.required.insert(name)
                if known.insert(name).inserted { layout.names.append(name) }
            }
        }
        layout.isOpen = !isClosed && (saysAdditional || !hasProperties && !closesObjects)
        return layout
    }

    mutating func object(_ parts: [SchemaPart]) throws(ConstraintError) -> Pattern {
        let layout = try objectLayout(of: parts)
        let isFree = !parts.contains { part in part.members.keys.contains(where: SchemaKeywords.ofObjects.contains) }
        if isFree && layout.isOpen { return try writing.anyObject() }
        var items: [SeparatedList.Item] = []
        for name in layout.names {
            let value = try property(name, parts)
            let key = Pattern.literal(JSONValue.string(name).text)
            items.append(.init(pattern: writing.member(key, value), isRequired: layout.required.contains(name)))
        }
        return try writing.list(("{", "}"), items, rest: layout.isOpen ? additional(layout.names, parts) : nil)
    }

    /// What the value of a property must be: its own schema in each part or, where a part does not name it, that part's
    /// schema of additional properties.
    private mutating func property(_ name: String, _ parts: [SchemaPart]) throws(ConstraintError) -> Pattern {
        var schemas: [(JSONValue, String)] = []
        for part in parts {
            if let own = try part.object("properties")?[name] {
                schemas.append((own, "\(part.path)/properties/\(name)"))
            } else if let additional = part["additionalProperties"] {
                schemas.append((additional, part.at("additionalProperties")))
            }
        }
        return schemas.count == 1
            ? try compile(schemas[0].0, at: schemas[0].1) : try compile(try conjunction(schemas))
    }

    private mutating func additional(_ names: [String], _ parts: [SchemaPart]) throws(ConstraintError) -> Pattern {
        var schemas: [(JSONValue, String)] = []
        for part in parts {
            if let schema = part["additionalProperties"] { schemas.append((schema, part.at("additionalProperties"))) }
        }
        let value =
            schemas.count == 1
            ? try compile(schemas[0].0, at: schemas[0].1) : try compile(try conjunction(schemas))
        if names.isEmpty { return writing.member(try writing.string(), value) }
        guard names.allSatisfy({ $0.utf8.count <= 256 }) else {
            throw .tooLarge(what: "bytes of a property's name beside additionalProperties", limit: 256)
        }
        return writing.member(try writing.table.add(JSONPatterns.key(except: names)), value)
    }

    // MARK: Arrays

    mutating func array(_ parts: [SchemaPart]) throws(ConstraintError) -> Pattern {
        var least = 0, most: Int?
        var prefix = 0
        var saysItems = false
        for part in parts {
            least = max(least, try part.integer("minItems") ?? 0)
            if let own = try part.integer("maxItems") { most = min(most ?? own, own) }
            if part["uniqueItems"] != nil && part["uniqueItems"] != .boolean(false) {
                throw .unsupportedKeyword("uniqueItems", path: part.path)
            }
            prefix = max(prefix, try part.array("prefixItems")?.count ?? 0)
            if case .array = part["items"] {
                throw .unsupportedKeyword("items", path: part.path, reason: "of an array; use prefixItems")
            }
            saysItems = saysItems || part["items"] != nil
        }
        guard least <= ConstraintLimits.counted && prefix <= ConstraintLimits.counted else {
            throw .tooLarge(what: "items that an array must have", limit: ConstraintLimits.counted)
        }
        most = most.map { min($0, ConstraintLimits.counted) }
        if let most, most < least { return .nothing }
        let isOpen = saysItems || prefix == 0 || least > prefix
        guard prefix > 0 else { return try array(of: try item(nil, parts), least, most) }
        var items: [SeparatedList.Item] = []
        for index in 0..<min(prefix, most ?? prefix) {
            items.append(.init(pattern: try item(index, parts), isRequired: index < least))
        }
        guard isOpen, most ?? .max > prefix else {
            return try writing.list(("[", "]"), items, rest: nil, isPositional: true)
        }
        let rest = try item(nil, parts)
        for index in prefix..<max(most ?? least, prefix) {
            items.append(.init(pattern: rest, isRequired: index < least))
        }
        return try writing.list(("[", "]"), items, rest: most == nil ? rest : nil, isPositional: true)
    }

    /// What item `index` must be, or with nil any beyond the first that have schemas of their own. A rule, because it may be
    /// written many times.
    private mutating func item(_ index: Int?, _ parts: [SchemaPart]) throws(ConstraintError) -> Pattern {
        var schemas: [(JSONValue, String)] = []
        for part in parts {
            let prefix = try part.array("prefixItems") ?? []
            if let index, index < prefix.count {
                schemas.append((prefix[index], "\(part.at("prefixItems"))/\(index)"))
            } else if let schema = part["items"] {
                schemas.append((schema, part.at("items")))
            }
        }
        let pattern =
            schemas.count == 1
            ? try compile(schemas[0].0, at: schemas[0].1) : try compile(try conjunction(schemas))
        if case .rule = pattern { return pattern }
        return try writing.table.add(pattern)
    }

    private mutating func array(of item: Pattern, _ least: Int, _ most: Int?) throws(ConstraintError) -> Pattern {
        if most == 0 { return .literal("[]") }
        let space = try writing.space()
        let more = Pattern.repeated(
            .sequence([.literal(","), space, item]), atLeast: max(least - 1, 0), atMost: most.map { $0 - 1 })
        let filled = Pattern.sequence([space, item, more, space])
        return .sequence([.literal("["), least == 0 ? .optional(filled) : filled, .literal("]")])
    }
}
