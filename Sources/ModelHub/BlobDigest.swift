import Crypto

/// The hash of a file as its bytes come.
struct BlobDigest {
    private enum Hasher {
        case git(Insecure.SHA1)
        case lfs(SHA256)
    }

    private var hasher: Hasher

    init(of file: RemoteFile) {
        switch file.blob {
        case .lfs: hasher = .lfs(SHA256())
        case .git:
            var sha1 = Insecure.SHA1()
            sha1.update(data: Array("blob \(file.byteCount)\0".utf8))
            hasher = .git(sha1)
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch hasher {
        case .git(var sha1):
            sha1.update(bufferPointer: bytes)
            hasher = .git(sha1)
        case .lfs(var sha256):
            sha256.update(bufferPointer: bytes)
            hasher = .lfs(sha256)
        }
    }

    /// Hexadecimal digits; more bytes may follow.
    var name: String {
        switch hasher {
        case .git(let sha1): Self.hexadecimal(sha1.finalize())
        case .lfs(let sha256): Self.hexadecimal(sha256.finalize())
        }
    }

    private static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
