/// Finds where a JSON object ends in a text that comes in pieces.
///
/// It only tells brackets and strings apart; whether the object is well formed is the parser's business. What cannot be part
/// of any is noticed at once, so that a broken call is not waited for.
struct JSONExtent: Sendable {
    enum Verdict: Sendable, Equatable {
        case unfinished
        /// One beyond the closing bracket.
        case complete(end: Int)
        case broken
    }

    private var offset: Int
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// Begins at `start`; white space may precede the object.
    init(from start: Int = 0) { offset = start }

    /// Goes on where it stopped: `bytes` are those of the call before and any that came since.
    mutating func scan(_ bytes: [UInt8]) -> Verdict {
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard depth > 0 || byte == UInt8(ascii: "{"), depth < JSONParser.deepestNesting else { return .broken }
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return .complete(end: offset) }
                if depth < 0 { return .broken }
            case UInt8(ascii: "\""):
                guard depth > 0 else { return .broken }
                isInString = true
            default:
                guard Self.isSpace(byte) || depth > 0 && Self.standsOutsideStrings(byte) else { return .broken }
            }
        }
        return .unfinished
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    /// Numbers, `true`, `false`, `null`, and what separates values.
    private static func standsOutsideStrings(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
            UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
