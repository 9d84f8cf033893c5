/// What the keywords of JSON Schema (draft 2020-12, and what generators of schemas add) mean here.
enum SchemaKeywords {
    /// They say nothing of what is valid.
    static let annotations: Set<String> = [
        "$schema", "$id", "id", "$anchor", "$comment", "$vocabulary", "$defs", "definitions", "title", "description",
        "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "contentMediaType",
        "contentEncoding", "contentSchema", "discriminator", "strict", "propertyOrdering", "enumNames",
    ]

    static let ofObjects: Set<String> = ["properties", "required", "additionalProperties"]
    static let ofArrays: Set<String> = ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]
    static let ofStrings: Set<String> = ["minLength", "maxLength", "pattern", "format"]
    static let ofNumbers: Set<String> = [
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    ]
    static let ofAll: Set<String> = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "nullable"]

    static let known = annotations.union(ofObjects).union(ofArrays).union(ofStrings).union(ofNumbers).union(ofAll)

    static func isAnnotation(_ keyword: String) -> Bool { annotations.contains(keyword) || keyword.hasPrefix("x-") }
}
