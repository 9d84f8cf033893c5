/// JSON's own language (RFC 8259), as far as answers need it.
///
/// Numbers are bounded, so that every reader takes them: 15 significant digits are exact as a double, exponents of two digits
/// are finite.
enum JSONPatterns {
    static let space = Pattern.choice([
        .optional(.literal(" ")),
        .sequence([
            .literal("\n"), .repeated(.scalar(ScalarSet(of: " \t")), atLeast: 0, atMost: 32),
        ]),
    ])

    /// One character of a string out of `set`, escaped where it must be.
    static func character(of set: ScalarSet) -> Pattern {
        let plain = set.subtracting(.escapedInJSON)
        let special = set.intersection(.escapedInJSON)
        if special.isEmpty { return .scalar(plain) }
        let escapes = special.ranges.joined().compactMap(Unicode.Scalar.init).map { Pattern.literal(escape(of: $0)) }
        return .choice((plain.isEmpty ? [] : [.scalar(plain)]) + escapes)
    }

    private static func escape(of scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\u{8}": return "\\b"
        case "\u{C}": return "\\f"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }

    /// Any character of a string, in any of its spellings except pairs of surrogates.
    static let anyCharacter: Pattern = {
        let hex = ScalarSet("0", "9").union(ScalarSet("a", "f")).union(ScalarSet("A", "F"))
        let notD = hex.subtracting(ScalarSet(of: "dD"))
        let threeDigits = Pattern.repeated(.scalar(hex), atLeast: 3, atMost: 3)
        let twoDigits = Pattern.repeated(.scalar(hex), atLeast: 2, atMost: 2)
        let unit = Pattern.choice([
            .sequence([.scalar(notD), threeDigits]),
            .sequence([.scalar(ScalarSet(of: "dD")), .scalar(ScalarSet("0", "7")), twoDigits]),
        ])
        return .choice([
            .scalar(ScalarSet.escapedInJSON.inverted),
            .sequence([
                .literal("\\"), .choice([.scalar(ScalarSet(of: "\"\\/bfnrt")), .sequence([.literal("u"), unit])]),
            ]),
        ])
    }()

    static let string = quoted(.any(of: anyCharacter))

    static func quoted(_ content: Pattern) -> Pattern { .sequence([.literal("\""), content, .literal("\"")]) }

    static let digit = Pattern.scalar(.digits)

    static let integer = Pattern.sequence([
        .optional(.literal("-")),
        .choice([
            .literal("0"),
            .sequence([.scalar(ScalarSet("1", "9")), .repeated(digit, atLeast: 0, atMost: 14)]),
        ]),
    ])

    static let number = Pattern.sequence([
        integer,
        .optional(.sequence([.literal("."), .repeated(digit, atLeast: 1, atMost: 15)])),
        .optional(
            .sequence([
                .scalar(ScalarSet(of: "eE")), .optional(.scalar(ScalarSet(of: "+-"))),
                .repeated(digit, atLeast: 1, atMost: 2),
            ])),
    ])

    static let boolean = Pattern.choice([.literal("true"), .literal("false")])
    static let null = Pattern.literal("null")

    /// The texts of a JSON string that are none of `names`; only spellings without escapes, which equal no escaped name.
    static func key(except names: [String]) -> Pattern {
        let spelt = names.map { Array($0.unicodeScalars)[...] }
        return quoted(text(except: spelt.filter { $0.allSatisfy { !ScalarSet.escapedInJSON.contains($0) } }))
    }

    private static let plain = ScalarSet.escapedInJSON.inverted

    private static func text(except names: [ArraySlice<Unicode.Scalar>]) -> Pattern {
        if names.isEmpty { return .any(of: .scalar(plain)) }
        let others = Dictionary(grouping: names.filter { !$0.isEmpty }) { $0[$0.startIndex] }
        var choices: [Pattern] = names.contains { $0.isEmpty } ? [] : [.empty]
        let firsts = ScalarSet(others.keys.map { $0.value...$0.value })
        choices.append(.sequence([.scalar(plain.subtracting(firsts)), .any(of: .scalar(plain))]))
        for (first, rest) in others.sorted(by: { $0.key < $1.key }) {
            choices.append(.sequence([.scalar(ScalarSet(first)), text(except: rest.map { $0.dropFirst() })]))
        }
        return .choice(choices)
    }
}
