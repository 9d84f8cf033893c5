/// The kinds of characters that the pre-tokenisers of byte-level models tell apart.
enum ScalarClass: UInt8 {
    /// `\p{L}`
    case letter
    /// `\p{N}`
    case number
    /// `\s` except carriage return and line feed.
    case space
    /// `\r` or `\n`
    case newline
    case other

    init(_ scalar: Unicode.Scalar) {
        self = scalar.isASCII ? Self.ascii[Int(scalar.value)] : Self(classifying: scalar)
    }

    private static let ascii = (0..<128).map { ScalarClass(classifying: Unicode.Scalar(UInt8($0))) }

    /// Hugging Face `tokenizers` 0.23 matches with Oniguruma's tables, which are those of Unicode 16.0, where
    /// Swift 6.3 has 17.0; the letters and numbers that 17.0 added are the whole difference.
    private init(classifying scalar: Unicode.Scalar) {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            self = Self.isKnown(properties) ? .letter : .other
        case .decimalNumber, .letterNumber, .otherNumber:
            self = Self.isKnown(properties) ? .number : .other
        default:
            if scalar == "\r" || scalar == "\n" {
                self = .newline
            } else {
                self = properties.isWhitespace ? .space : .other
            }
        }
    }

    private static func isKnown(_ properties: Unicode.Scalar.Properties) -> Bool {
        (properties.age?.major ?? .max) <= 16
    }
}

/// Text as a pre-tokeniser scans it: the class and the place of every scalar.
struct ClassifiedText {
    let utf8: [UInt8]
    private(set) var classes: [ScalarClass] = []
    /// Byte offset of each scalar, and one more for the end.
    private(set) var offsets: [Int] = []

    init(_ utf8: [UInt8]) {
        self.utf8 = utf8
        classes.reserveCapacity(utf8.count)
        offsets.reserveCapacity(utf8.count + 1)
        var position = 0
        while position < utf8.count {
            let (scalar, length) = UTF8Sequence.scalar(in: utf8, at: position)
            classes.append(ScalarClass(scalar))
            offsets.append(position)
            position += length
        }
        offsets.append(utf8.count)
    }

    var count: Int { classes.count }

    /// The first byte of scalar `index`: the whole scalar where that is ASCII.
    func byte(_ index: Int) -> UInt8 { utf8[offsets[index]] }

    func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> { utf8[offsets[range.lowerBound]..<offsets[range.upperBound]] }

    /// The first index from `start` on, below `end`, whose class is not `kind`.
    func end(of kind: ScalarClass, from start: Int, below end: Int) -> Int {
        var index = start
        while index < end, classes[index] == kind { index += 1 }
        return index
    }

    /// The same for whitespace of either class.
    func endOfSpace(from start: Int, below end: Int) -> Int {
        var index = start
        while index < end, classes[index] == .space || classes[index] == .newline { index += 1 }
        return index
    }
}
