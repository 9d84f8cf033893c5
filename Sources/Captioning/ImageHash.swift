import Crypto
import Models

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The SHA-256 of a file, read in pieces: an image may be larger than what should be held in memory for a hash.
enum ImageHash {
    /// 64 hexadecimal digits.
    static func sha256(of path: String) throws(CaptionError) -> String {
        let file = try Descriptor(opening: path, mode: O_RDONLY)
        var hasher = SHA256()
        while true {
            let piece = try file.read(upTo: 1 << 18)
            if piece.isEmpty { return ContentHash(hasher.finalize()).description }
            hasher.update(data: piece)
        }
    }
}
