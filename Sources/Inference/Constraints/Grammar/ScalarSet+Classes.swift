/// The classes of regular expressions, as ECMA-262 (which JSON Schema refers to) defines them.
extension ScalarSet {
    static let digits = ScalarSet("0", "9")
    static let words = ScalarSet(of: "_").union(digits).union(ScalarSet("a", "z")).union(ScalarSet("A", "Z"))
    /// Of ECMA's white space only what is ASCII, which every dialect agrees on.
    static let spaces = ScalarSet(of: " \t\n\r\u{B}\u{C}")
    static let lineEnds = ScalarSet(of: "\n\r\u{2028}\u{2029}")
    /// What JSON strings may only hold escaped.
    static let escapedInJSON = ScalarSet([0...0x1F]).union(ScalarSet(of: "\"\\"))

    /// `\p{name}`; nil for names that are not known here.
    static func property(_ name: String) -> ScalarSet? { properties[name] }

    private static let properties: [String: ScalarSet] = {
        var ranges: [String: [Range]] = [:]
        var previous = ""
        for value: UInt32 in 0...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let name = abbreviation(scalar.properties.generalCategory)
            if name == previous, let last = ranges[name]?.popLast(), last.upperBound + 1 == value {
                ranges[name]?.append(last.lowerBound...value)
            } else {
                ranges[name, default: []].append(value...value)
            }
            previous = name
        }
        var sets = ranges.mapValues { ScalarSet($0) }
        for (name, set) in sets {
            let group = String(name.prefix(1))
            sets[group] = (sets[group] ?? .none).union(set)
        }
        return sets
    }()

    private static func abbreviation(_ category: Unicode.GeneralCategory) -> String {
        switch category {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }
}
