internal import Crypto

/// The name of a blob: the sha256 of its bytes in 64 lower-case hex digits.
public struct BlobID: RawRepresentable, Hashable, Sendable, Codable {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The name of these bytes.
    public init(hashing bytes: [UInt8]) {
        rawValue = hexadecimalSHA256(bytes)
    }

    init(digest: SHA256Digest) { rawValue = hexadecimal(digest) }

    /// False for anything that must not become a part of a file path.
    var isWellFormed: Bool {
        rawValue.utf8.count == 64
            && rawValue.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// The sha256 of bytes in 64 lower-case hex digits.
func hexadecimalSHA256(_ bytes: some Sequence<UInt8>) -> String { hexadecimal(SHA256.hash(data: Array(bytes))) }

private func hexadecimal(_ digest: SHA256Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
