extension String {
    /// The text with control and formatting characters written as escapes (`\u{1B}`): names in a stranger's files must not
    /// steer the terminal that they are printed on, nor begin lines of their own.
    package var printable: String {
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .format where scalar.properties.isJoinControl: result.append(scalar)  // emoji are joined by them
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
