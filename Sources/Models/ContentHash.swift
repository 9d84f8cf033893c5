public import Crypto

/// The SHA-256 of some content: what blobs, images and weights are known by.
public struct ContentHash: Hashable, Sendable, CustomStringConvertible {
    public let bytes: [UInt8]

    public init(of content: some Sequence<UInt8>) {
        var hasher = SHA256()
        hasher.update(data: Array(content))
        bytes = Array(hasher.finalize())
    }

    public init(_ digest: SHA256Digest) { bytes = Array(digest) }

    /// 64 hexadecimal digits.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
