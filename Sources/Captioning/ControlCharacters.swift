extension String {
    /// The text with control characters spelt out: on a terminal they could draw over other lines, and in a listing a tab or
    /// line end of a file's name would make two fields of one.
    var spellingOutControls: String {
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        return unicodeScalars.map { scalar in
            switch scalar {
            case "\t": "\\t"
            case "\n": "\\n"
            case "\r": "\\r"
            default: scalar.properties.generalCategory == .control ? scalar.escaped : String(scalar)
            }
        }.joined()
    }
}

extension Unicode.Scalar {
    /// `\x1b` for escape.
    fileprivate var escaped: String {
        let digits = String(value, radix: 16)
        return "\\x" + (digits.count < 2 ? "0" : "") + digits
    }
}
