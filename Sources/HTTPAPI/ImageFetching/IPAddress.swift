#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A network address as bytes, so that no two spellings of it can be judged differently.
enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    case v4(UInt32)
    /// 16 bytes.
    case v6([UInt8])

    /// The address behind `text`, which is one as `inet_pton` reads it: dotted decimal, or IPv6 without brackets.
    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .v4(UInt32(bigEndian: four.s_addr))
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self = .v6(withUnsafeBytes(of: six) { Array($0) })
        } else {
            return nil
        }
    }

    /// The address that a host's name spells with numbers, in any of the forms that resolvers take: one to four parts,
    /// each decimal, octal (leading 0) or hexadecimal (0x), the last filling the rest. The outer nil: not a number.
    /// The inner nil: a number that is no address.
    static func spelled(_ host: String) -> IPAddress?? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = parts.last, isNumber(last) else { return nil }
        let values = parts.map(value)
        guard parts.count <= 4, values.allSatisfy({ $0 != nil }) else { return .some(nil) }
        let numbers = values.compactMap { $0 }
        guard let rest = numbers.last, numbers.dropLast().allSatisfy({ $0 < 256 }),
            rest < 1 << UInt64(8 * (5 - parts.count))
        else { return .some(nil) }
        let high = numbers.dropLast().enumerated().reduce(UInt64(0)) { $0 | $1.element << UInt64(24 - 8 * $1.offset) }
        return .some(.v4(UInt32(high | rest)))
    }

    /// RFC 6890-style membership: whether the first `length` bits are those of `prefix`.
    func isIn(_ prefix: IPAddress, _ length: Int) -> Bool {
        let (mine, theirs) = (bytes, prefix.bytes)
        guard mine.count == theirs.count else { return false }
        let whole = length / 8
        guard mine.prefix(whole) == theirs.prefix(whole) else { return false }
        let bits = length % 8
        return bits == 0 || mine[whole] >> UInt8(8 - bits) == theirs[whole] >> UInt8(8 - bits)
    }

    var bytes: [UInt8] {
        switch self {
        case .v4(let value): (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
        case .v6(let bytes): bytes
        }
    }

    /// Dotted decimal, or eight groups of hexadecimal digits.
    var description: String {
        switch self {
        case .v4: bytes.map(String.init).joined(separator: ".")
        case .v6(let bytes):
            stride(from: 0, to: 16, by: 2)
                .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
                .joined(separator: ":")
        }
    }

    private static func isNumber(_ part: Substring) -> Bool {
        part.hasPrefix("0x") || part.hasPrefix("0X") || !part.isEmpty && part.utf8.allSatisfy { 48...57 ~= $0 }
    }

    private static func value(_ part: Substring) -> UInt64? {
        guard isNumber(part) else { return nil }
        if part.hasPrefix("0x") || part.hasPrefix("0X") {
            return part.count == 2 ? 0 : UInt64(part.dropFirst(2), radix: 16)
        }
        return part.count > 1 && part.hasPrefix("0") ? UInt64(part, radix: 8) : UInt64(part)
    }
}
