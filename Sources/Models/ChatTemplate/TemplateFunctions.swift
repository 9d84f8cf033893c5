#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Functions that every template can call.
enum TemplateFunction: String, Sendable {
    case raiseException = "raise_exception"
    case strftimeNow = "strftime_now"
    case namespace, range, dict
}

extension TemplateEvaluator {
    mutating func call(
        _ function: TemplateFunction, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        switch function {
        case .raiseException:
            throw .raised(message: try string(of: arguments.value(0, "message") ?? .undefined).plain)
        case .strftimeNow:
            let format = try string(of: arguments.value(0, "format") ?? .undefined).plain
            return .trusted(try Self.now(format, line: line))
        case .namespace:
            namespaces.append(Dictionary(arguments.named.map { ($0.name, $0.value) }) { $1 })
            return .reference(TemplateReference(target: .namespace(namespaces.count - 1)))
        case .dict:
            return try checked(.dictionary(TemplateDictionary(named: arguments.named.map { ($0.name, $0.value) })))
        case .range: return try range(arguments.positional)
        }
    }

    private mutating func range(_ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        let bounds = arguments.compactMap(\.asInteger)
        guard bounds.count == arguments.count, (1...3).contains(bounds.count), bounds.count < 3 || bounds[2] != 0 else {
            throw .evaluation(line: line, reason: "range takes one to three integers, the step not 0")
        }
        let (start, end) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
        let step = bounds.count == 3 ? bounds[2] : 1
        let (distance, overflow) = end.subtractingReportingOverflow(start)
        let count = overflow ? .max : max(0, Int(clamping: (Double(distance) / Double(step)).rounded(.up)))
        try charge(count)
        return .list(stride(from: start, to: end, by: step).map { .integer($0) })
    }

    /// The local date and time, as C's `strftime` writes it. Without a result for formats that fill 256 bytes.
    private static func now(_ format: String, line: Int) throws(TemplateError) -> String {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 256)
        let length = strftime(&buffer, buffer.count, format, &parts)
        guard length > 0 || format.isEmpty else {
            throw .evaluation(line: line, reason: "the date format \(format.debugDescription) gives no text")
        }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension Int {
    fileprivate init(clamping value: Double) {
        self = Int(exactly: value) ?? (value > 0 ? .max : .min)
    }
}
