import Crypto

/// A client's key, of which only the hash is kept, and what it may do.
public struct ClientKey: Sendable, Hashable {
    /// What logs call the client.
    public let name: String
    /// Nil where the server's own limits hold.
    public let limits: ClientLimits?
    /// SHA-256 of the key.
    let hash: [UInt8]

    /// - Parameter key: what the client presents.
    public init(name: String, key: String, limits: ClientLimits? = nil) {
        self.init(name: name, hash: Array(Self.hash(of: key.utf8)), limits: limits)
    }

    private init(name: String, hash: [UInt8], limits: ClientLimits?) {
        self.name = name
        self.hash = hash
        self.limits = limits
    }

    static func hash(of key: some Sequence<UInt8>) -> SHA256Digest { SHA256.hash(data: Array(key)) }

    // MARK: Files

    /// The keys of a text with one line for each:
    ///
    ///     # name   key, or sha256: and 64 hexadecimal digits   limits
    ///     alice    sk-9cf1…                                    rate=60 concurrent=4
    ///     ci       sha256:9f86d081884c7d65…
    public static func keys(in text: String) throws(ClientKeyError) -> [ClientKey] {
        var keys: [ClientKey] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split { $0.isWhitespace }.map(String.init)
            if words.isEmpty { continue }
            func fail(_ reason: String) -> ClientKeyError { .init(line: index + 1, reason: reason) }
            guard words.count >= 2 else { throw fail("a name and a key are expected") }
            guard !keys.contains(where: { $0.name == words[0] }) else { throw fail("the name is there already") }
            guard let hash = hash(in: words[1]) else { throw fail("sha256: is followed by 64 hexadecimal digits") }
            guard !keys.contains(where: { $0.hash == hash }) else { throw fail("the key is there already") }
            guard let limits = limits(in: words.dropFirst(2)) else {
                throw fail("limits are rate=N (requests a minute) and concurrent=N, of 1 to 1000000")
            }
            keys.append(ClientKey(name: words[0], hash: hash, limits: words.count > 2 ? limits : nil))
        }
        return keys
    }

    private static let hashPrefix = "sha256:"

    private static func hash(in word: String) -> [UInt8]? {
        guard word.hasPrefix(hashPrefix) else { return Array(hash(of: word.utf8)) }
        let digits = word.utf8.dropFirst(hashPrefix.utf8.count).compactMap {
            Character(UnicodeScalar($0)).hexDigitValue
        }
        guard digits.count == 64, word.utf8.count == hashPrefix.utf8.count + 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static func limits(in words: ArraySlice<String>) -> ClientLimits? {
        var limits = ClientLimits()
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = Int(parts[1]), (1...1_000_000).contains(value) else { return nil }
            switch parts[0] {
            case "rate": limits.requestsPerMinute = value
            case "concurrent": limits.concurrentRequests = value
            default: return nil
            }
        }
        return limits
    }
}

/// Which line of a file of keys is wrong, and why; never what stands in it.
public struct ClientKeyError: Error, Hashable, CustomStringConvertible {
    public let line: Int
    public let reason: String

    public var description: String { "line \(line): \(reason)" }
}
