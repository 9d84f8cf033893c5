import Testing

@testable import Inference

@Suite(.aside) struct SchemaTests {
    /// A schema, texts that are written for it, and texts that are not.
    struct Case: Sendable, CustomTestStringConvertible {
        let schema: String
        let allowed: [String]
        let refused: [String]

        var testDescription: String { schema }

        init(_ schema: String, _ allowed: [String], not refused: [String]) {
            self.schema = schema
            self.allowed = allowed
            self.refused = refused
        }
    }

    static let types: [Case] = [
        Case(
            "{}", ["1", "-2.5e10", "\"a\"", "null", "true", "[]", "{}", #"{"a":[1,{"b":null}]}"#],
            not: ["", "a", "01", "+1", "[1,]", "1e999"]),
        Case("true", ["[[1]]"], not: ["x"]),
        Case(#"{"type":"null"}"#, ["null"], not: ["0"]),
        Case(#"{"type":"boolean"}"#, ["true", "false"], not: ["True", "1"]),
        Case(#"{"type":["string","null"]}"#, ["\"x\"", "null"], not: ["1"]),
        Case(#"{"type":"string","nullable":true}"#, ["\"x\"", "null"], not: ["1"]),
        Case(#"{"type":"integer"}"#, ["0", "-7", "123456789012345"], not: ["1.0", "00", "1234567890123456", "1e2"]),
        Case(#"{"type":"number"}"#, ["0", "-1.25", "1e-5", "2E+10"], not: [".5", "1.", "1e100"]),
        Case(
            #"{"type":"string"}"#, [#""é\n\"\\\/\u00e9\uD7ff😀""#, "\"\""],
            not: ["\"\n\"", #""\x""#, #""\uD83D\uDE00""#, "\"a"]),
        Case(#"{"enum":[1,"a",null,{"b":[true]}]}"#, ["1", "\"a\"", "null", #"{"b":[true]}"#], not: ["2", "\"b\""]),
        Case(#"{"type":"string","enum":["a",1]}"#, ["\"a\""], not: ["1"]),
        Case(#"{"const":"é\n\""}"#, [#""é\n\"""#], not: ["\"é\""]),
        Case(
            #"{"title":"t","description":"d","default":1,"examples":[2],"$comment":"c","x-mine":3,"type":"null"}"#,
            ["null"], not: ["1"]),
    ]

    static let numbers: [Case] = [
        Case(
            #"{"type":"integer","minimum":-12,"maximum":105}"#, ["-12", "-9", "0", "7", "99", "100", "105"],
            not: ["-13", "106", "-0", "200", "1000"]),
        Case(#"{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10}"#, ["1", "9"], not: ["0", "10", "-1"]),
        Case(#"{"type":"integer","minimum":0.5,"maximum":2.5}"#, ["1", "2"], not: ["0", "3"]),
        Case(#"{"type":"integer","minimum":987}"#, ["987", "1000", "999999999999999"], not: ["986", "99", "-987"]),
        Case(#"{"type":"integer","maximum":-5}"#, ["-5", "-10"], not: ["-4", "0", "5"]),
        Case(#"{"type":"integer","multipleOf":5}"#, ["0", "5", "-10", "125"], not: ["1", "12"]),
        Case(
            #"{"type":"integer","multipleOf":7,"minimum":-8,"maximum":20}"#, ["-7", "0", "7", "14"],
            not: ["-14", "21", "8"]),
        Case(#"{"type":"integer","format":"int32","minimum":0}"#, ["0", "2147483647"], not: ["2147483648", "-1"]),
        Case(
            #"{"type":"number","minimum":0,"maximum":1}"#, ["0", "0.5", "1", "0.999999"],
            not: ["1.1", "-0.1", "2", "1.000001"]),
        Case(
            #"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}"#, ["0.1", "0.001", "0.99"],
            not: ["0", "1", "0.0"]),
        Case(
            #"{"type":"number","minimum":-1.5,"maximum":2.25}"#,
            ["-1.5", "-1", "-0.25", "0", "2", "2.2", "2.25", "2.19"], not: ["-1.6", "-2", "2.26", "2.251", "3"]),
        Case(
            #"{"type":"number","minimum":0.25,"maximum":0.5}"#, ["0.25", "0.3", "0.5", "0.4999"],
            not: ["0.2", "0.24", "0.51", "0", "1"]),
        Case(
            #"{"type":"number","exclusiveMinimum":0.25,"maximum":0.251}"#, ["0.2501", "0.251"],
            not: ["0.25", "0.2511", "0.3"]),
        Case(#"{"type":"number","minimum":3.5}"#, ["3.5", "3.51", "4", "10.25", "100"], not: ["3.4", "3", "-4"]),
        Case(#"{"type":"number","exclusiveMaximum":-2}"#, ["-2.1", "-3", "-20.5"], not: ["-2", "-1", "2"]),
        Case(#"{"minimum":5}"#, ["5", "6.5"], not: ["4", "\"a\""]),
    ]

    static let strings: [Case] = [
        Case(
            #"{"type":"string","minLength":2,"maxLength":3}"#, ["\"ab\"", "\"é漢😀\"", #""\n\u00e9""#],
            not: ["\"a\"", "\"abcd\"", #""\n""#]),
        Case(
            #"{"type":"string","maxLength":100}"#, ["\"\"", "\"" + String(repeating: "é", count: 100) + "\""],
            not: ["\"" + String(repeating: "é", count: 101) + "\""]),
        Case(
            #"{"type":"string","minLength":100}"#, ["\"" + String(repeating: "a", count: 100) + "\""],
            not: ["\"" + String(repeating: "a", count: 99) + "\""]),
        Case(#"{"type":"string","pattern":"^a+$"}"#, ["\"aa\""], not: ["\"\"", "\"ab\""]),
        Case(#"{"type":"string","pattern":"b"}"#, ["\"abc\"", "\"b\""], not: ["\"ac\""]),
        Case(#"{"type":"string","pattern":"^x|y$"}"#, ["\"xa\"", "\"ay\""], not: ["\"ax\"", "\"ya\""]),
        Case(
            #"{"type":"string","pattern":"^[^a]$"}"#, [#""\"""#, #""\n""#, "\"b\""], not: ["\"a\"", "\"\n\"", "\"\"\""]),
        Case(#"{"type":"string","pattern":"^[a-z]+$","maxLength":3}"#, ["\"abc\""], not: ["\"abcd\"", "\"\""]),
        Case(#"{"type":"string","pattern":"^[0-9]{4}$","minLength":2,"maxLength":8}"#, ["\"1234\""], not: ["\"123\""]),
        Case(
            #"{"type":"string","format":"date"}"#, ["\"2026-02-28\"", "\"2024-12-31\""],
            not: ["\"2026-02-30\"", "\"2026-13-01\"", "\"2026-4-1\""]),
        Case(
            #"{"type":"string","format":"time"}"#, ["\"23:59:59Z\"", "\"00:00:00.5+02:00\""],
            not: ["\"24:00:00Z\"", "\"12:00\""]),
        Case(
            #"{"type":"string","format":"date-time"}"#, ["\"2026-11-26T12:00:00Z\""], not: ["\"2026-11-26 12:00:00Z\""]),
        Case(
            #"{"type":"string","format":"uuid"}"#, ["\"123e4567-e89b-12d3-a456-426614174000\""], not: ["\"123e4567\""]),
        Case(
            #"{"type":"string","format":"email"}"#, ["\"a.b+c@example.com\""],
            not: ["\"a@\"", "\"@b.de\"", "\"a b@c.de\""]),
        Case(
            #"{"type":"string","format":"ipv4"}"#, ["\"255.0.10.1\""],
            not: ["\"256.0.0.1\"", "\"1.2.3\"", "\"01.2.3.4\""]),
        Case(#"{"type":"string","format":"uri"}"#, ["\"https://example.com/a/b\""], not: ["\"example\""]),
    ]

    static let objects: [Case] = [
        Case(
            #"{"type":"object"}"#, ["{}", #"{"a":1,"b":{}}"#, "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}"],
            not: ["[]", #"{"a"}"#, #"{"a":1,}"#]),
        Case(
            #"{"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"null"}},"required":["a"]}"#,
            [#"{"b":1,"a":null}"#, #"{"a":null}"#, #"{ "b": 1, "a": null }"#],
            not: ["{}", #"{"b":1}"#, #"{"a":null,"b":1}"#, #"{"a":null,"c":1}"#, #"{"b":"x","a":null}"#]),
        Case(
            #"{"properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"}}}"#,
            [
                "{}", #"{"a":1}"#, #"{"b":1}"#, #"{"c":1}"#, #"{"a":1,"c":2}"#, #"{"b":1,"c":2}"#,
                #"{"a":1,"b":2,"c":3}"#,
            ], not: [#"{"b":1,"a":1}"#, #"{,"a":1}"#, #"{"a":1,}"#]),
        Case(
            #"{"type":"object","additionalProperties":{"type":"integer"}}"#, ["{}", #"{"x":1,"y":2}"#],
            not: [#"{"x":"a"}"#]),
        Case(
            #"{"properties":{"ab":{"type":"null"}},"additionalProperties":{"type":"integer"}}"#,
            [#"{"ab":null,"a":1,"abc":2,"":3}"#, #"{"x":1}"#],
            not: [#"{"ab":1}"#, #"{"x":1,"ab":1}"#, #"{"a\u0062":1}"#]),
        Case(#"{"type":"object","additionalProperties":false}"#, ["{}"], not: [#"{"a":1}"#]),
        Case(#"{"type":"object","required":["a"]}"#, [#"{"a":1}"#, #"{"a":1,"b":2}"#], not: ["{}", #"{"b":2}"#]),
        Case(#"{"type":"object","properties":{"a":false,"b":true}}"#, ["{}", #"{"b":[]}"#], not: [#"{"a":1}"#]),
        Case(#"{"properties":{"a\"é/~":{"type":"null"}},"required":["a\"é/~"]}"#, [#"{"a\"é/~":null}"#], not: ["{}"]),
    ]

    static let arrays: [Case] = [
        Case(
            #"{"type":"array"}"#, ["[]", #"[1,"a",[null]]"#, "[1, 2]", "[ 1,\n\t2 ]"], not: ["[1,]", "[,1]", "[1 2]"]),
        Case(
            #"{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}"#, ["[1]", "[1,2,3]"],
            not: ["[]", "[1,2,3,4]", "[\"a\"]"]),
        Case(#"{"type":"array","maxItems":0}"#, ["[]"], not: ["[1]"]),
        Case(
            #"{"prefixItems":[{"type":"integer"},{"type":"null"}]}"#, ["[]", "[1]", "[1,null]"],
            not: ["[null]", "[1,null,2]", "[1,1]"]),
        Case(
            #"{"prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":2}"#,
            ["[1,null]", "[1,null,null]"], not: ["[1]", "[]", "[1,1]"]),
        Case(
            #"{"prefixItems":[{"type":"integer"},{"type":"null"}],"items":false,"minItems":1}"#, ["[1]", "[1,null]"],
            not: ["[]", "[1,null,null]"]),
        Case(
            #"{"prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":2,"maxItems":3}"#,
            ["[1,null]", "[1,null,null]"], not: ["[1]", "[1,null,null,null]"]),
        Case(#"{"type":"array","uniqueItems":false,"items":{"const":1}}"#, ["[1,1]"], not: ["[2]"]),
    ]

    static let combinations: [Case] = [
        Case(
            #"{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]}"#, ["1", "\"a\""], not: ["null", "\"ab\""]),
        Case(
            #"{"type":"object","properties":{"a":{"type":"null"}},"anyOf":[{"required":["a"]},{"properties":{"b":{"const":1}},"required":["b"]}]}"#,
            [#"{"a":null}"#, #"{"a":null,"b":1}"#, #"{"b":1}"#], not: ["{}", #"{"b":2}"#]),
        Case(#"{"oneOf":[{"type":"integer"},{"type":"string"}]}"#, ["1", "\"a\""], not: ["null"]),
        Case(
            #"{"oneOf":[{"properties":{"k":{"const":"a"},"n":{"type":"integer"}},"required":["k","n"],"type":"object"},{"properties":{"k":{"const":"b"}},"required":["k"],"type":"object"}]}"#,
            [#"{"k":"a","n":1}"#, #"{"k":"b"}"#], not: [#"{"k":"a"}"#, #"{"k":"c"}"#]),
        Case(
            #"{"oneOf":[{"type":"object","properties":{"a":{}},"required":["a"]},{"type":"object","properties":{"b":{}},"required":["b"]}]}"#,
            [#"{"a":1}"#, #"{"b":1}"#], not: ["{}", #"{"a":1,"b":1}"#]),
        Case(#"{"allOf":[{"type":"integer","minimum":3},{"maximum":5}]}"#, ["3", "5"], not: ["2", "6"]),
        Case(
            #"{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":2},"b":{"type":"null"}}}]}"#,
            [#"{"a":2}"#, #"{"a":3,"b":null}"#], not: [#"{"a":1}"#, #"{"b":null}"#]),
        Case(
            #"{"allOf":[{"properties":{"a":{}}},{"properties":{"b":{}},"additionalProperties":false}]}"#,
            ["{}", #"{"b":1}"#], not: [#"{"a":1}"#]),
        Case(
            ##"{"$defs":{"p":{"type":"integer"}},"properties":{"x":{"$ref":"#/$defs/p","description":"d"}}}"##,
            [#"{"x":1}"#], not: [#"{"x":"a"}"#]),
        Case(##"{"$defs":{"p":{"type":"integer"}},"$ref":"#/$defs/p","minimum":5}"##, ["5"], not: ["4"]),
        Case(##"{"definitions":{"a/b~":{"const":1}},"$ref":"#/definitions/a~1b~0"}"##, ["1"], not: ["2"]),
        Case(
            ##"{"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"n":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/n"}]}},"required":["v","n"]}},"$ref":"#/$defs/n"}"##,
            [#"{"v":1,"n":null}"#, #"{"v":1,"n":{"v":2,"n":{"v":3,"n":null}}}"#],
            not: [#"{"v":1,"n":{}}"#, #"{"v":1}"#]),
        Case(##"{"type":"array","items":{"$ref":"#"}}"##, ["[]", "[[],[[]]]"], not: ["[1]"]),
    ]

    @Test(arguments: types + numbers + strings + objects + arrays + combinations)
    func `instances of a schema are written, and nothing else`(example: Case) throws {
        for text in example.allowed {
            #expect(try ConstraintReading.allows(.jsonSchema(example.schema), text), "\(text)")
        }
        for text in example.refused {
            #expect(try !ConstraintReading.allows(.jsonSchema(example.schema), text), "\(text)")
        }
    }

    @Test(arguments: [
        ("not", #"{"not":{}}"#, "#"), ("if", #"{"properties":{"a":{"if":{}}}}"#, "#/properties/a"),
        ("patternProperties", #"{"type":"object","patternProperties":{"a":{}}}"#, "#"),
        ("dependentRequired", #"{"dependentRequired":{}}"#, "#"), ("propertyNames", #"{"propertyNames":{}}"#, "#"),
        ("contains", #"{"items":{"contains":{}}}"#, "#/items"), ("uniqueItems", #"{"uniqueItems":true}"#, "#"),
        ("minProperties", #"{"minProperties":1}"#, "#"),
        ("unevaluatedProperties", #"{"unevaluatedProperties":false}"#, "#"),
        ("$dynamicRef", ##"{"$dynamicRef":"#a"}"##, "#"), ("made-up", #"{"made-up":1}"#, "#"),
        ("$id", #"{"properties":{"a":{"$id":"x"}}}"#, "#/properties/a"),
        ("multipleOf", #"{"type":"number","multipleOf":0.01}"#, "#"),
        ("multipleOf", #"{"type":"integer","multipleOf":7}"#, "#"),
        ("format", #"{"type":"string","format":"iri"}"#, "#"), ("items", #"{"items":[{}]}"#, "#"),
        ("oneOf", #"{"oneOf":[{"type":"integer"},{"type":"number"}]}"#, "#"),
        ("oneOf", #"{"oneOf":[{"type":"object"},{"type":"object","required":["a"]}]}"#, "#"),
        ("minLength", #"{"enum":["a"],"minLength":1}"#, "#"),
        ("maxLength", #"{"type":"string","pattern":"a","maxLength":5}"#, "#/pattern"),
        ("$ref", ##"{"$ref":"http://example.org/x"}"##, "http://example.org/x"),
    ])
    func `a keyword that cannot be kept is refused by its name and path`(keyword: String, schema: String, path: String)
    {
        guard case .unsupportedKeyword(keyword, path, _) = ConstraintReading.refusal(of: .jsonSchema(schema)) else {
            Issue.record("\(String(describing: ConstraintReading.refusal(of: .jsonSchema(schema))))")
            return
        }
    }

    @Test(arguments: [
        ("", "#"), ("{", "#"), ("1", "#"), (#"{"type":"strin"}"#, "#/type"), (#"{"type":1}"#, "#/type"),
        (#"{"properties":[]}"#, "#/properties"), (#"{"properties":{"a":1}}"#, "#/properties/a"),
        (#"{"minLength":-1}"#, "#/minLength"), (#"{"minimum":"a"}"#, "#/minimum"), (#"{"required":"a"}"#, "#/required"),
        (#"{"anyOf":[]}"#, "#/anyOf"), (#"{"enum":1}"#, "#/enum"), (##"{"$ref":"#/$defs/a"}"##, "#/$defs/a"),
        (#"{"pattern":"(?=a)"}"#, "#/pattern"), (#"{"pattern":"("}"#, "#/pattern"),
    ])
    func `a malformed schema is refused with the place`(schema: String, path: String) {
        guard case .malformedSchema(path, _) = ConstraintReading.refusal(of: .jsonSchema(schema)) else {
            Issue.record("\(String(describing: ConstraintReading.refusal(of: .jsonSchema(schema))))")
            return
        }
    }

    @Test(arguments: [
        "false", #"{"type":"integer","minimum":3,"maximum":2}"#, #"{"allOf":[{"type":"string"},{"type":"null"}]}"#,
        #"{"properties":{"a":false},"required":["a"]}"#, ##"{"$ref":"#"}"##, #"{"enum":[]}"#,
        ##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##,
        #"{"properties":{},"additionalProperties":false,"required":["a"],"type":"object"}"#,
    ])
    func `a schema without instances is refused`(schema: String) {
        guard case .unsatisfiable = ConstraintReading.refusal(of: .jsonSchema(schema)) else {
            Issue.record("\(String(describing: ConstraintReading.refusal(of: .jsonSchema(schema))))")
            return
        }
    }

    @Test func `white space is as the style says`() throws {
        let schema = #"{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}}}}"#
        func allows(_ text: String, _ whitespace: OutputConstraint.Whitespace) throws -> Bool {
            try ConstraintReading.allows(.jsonSchema(schema, .init(whitespace: whitespace)), text)
        }
        let indented = "{\n  \"a\": [\n    1,\n    2\n  ]\n}"
        #expect(try allows(indented, .flexible) && allows(#"{"a":[1,2]}"#, .flexible))
        #expect(try !allows(#"{"a":  [1,2]}"#, .flexible) && !allows(#"{  "a":[1]}"#, .flexible))
        #expect(try !allows(indented, .none) && allows(#"{"a":[1,2]}"#, .none) && !allows(#"{"a": [1]}"#, .none))
        #expect(try allows("{\t\"a\":\t[\t1,\t2\t]\t}", .pattern("\\t")))
        #expect(try !allows(#"{"a":[1,2]}"#, .pattern("\\t")))
        let refused = ConstraintReading.refusal(of: .jsonSchema(schema, .init(whitespace: .pattern("[ x]"))))
        #expect(refused != nil)
    }

    @Test func `closed objects have no members that the schema does not name`() throws {
        let style = OutputConstraint.JSONStyle(closesObjects: true)
        #expect(try ConstraintReading.allows(.jsonSchema(#"{"type":"object"}"#, style), "{}"))
        #expect(try !ConstraintReading.allows(.jsonSchema(#"{"type":"object"}"#, style), #"{"a":1}"#))
    }

    @Test func `any object is an object, nested as deep as there are frames`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"a":["#, count: depth) + String(repeating: "]}", count: depth)
        }
        for text in ["{}", #"{"a": {"b": [1, 2.5, null, "x"]}, "a2": true}"#, nested(20)] {
            #expect(try ConstraintReading.allows(.jsonObject(), text), "\(text)")
        }
        for text in ["[]", "1", "null", "{", #"{"a":tru}"#, nested(40)] {
            #expect(try !ConstraintReading.allows(.jsonObject(), text), "\(text)")
        }
    }
}
