#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A JPEG's markers (ITU-T T.81, annex B), walked without decoding.
struct JPEGStructure {
    /// Each scan of a progressive file costs a pass over all coefficients.
    private(set) var scans = 0
    /// Whether an end-of-image marker was reached.
    private(set) var isComplete = false

    /// Progressive encoders write about 10 scans; libjpeg would obey thousands, each as slow as the whole picture.
    static let maxScans = 100

    init(_ bytes: [UInt8]) {
        let reader = ByteReader(bytes: bytes, isBigEndian: true)
        var offset = 2
        while let marker = Self.nextMarker(in: bytes, from: &offset) {
            switch marker {
            case 0xD9:
                isComplete = true
                return
            case 0x01, 0xD0...0xD8:
                continue
            default:
                guard let length = reader.integer(at: offset, width: 2) else { return }
                if marker == 0xDA { scans += 1 }
                offset += max(length, 2)
            }
        }
    }

    /// The next marker's code, leaving `offset` behind it; what stands before it (entropy-coded data, fill) is skipped.
    private static func nextMarker(in bytes: [UInt8], from offset: inout Int) -> UInt8? {
        bytes.withUnsafeBytes { bytes in
            while offset < bytes.count {
                guard let found = memchr(bytes.baseAddress! + offset, 0xFF, bytes.count - offset) else { return nil }
                offset = UnsafeRawPointer(found) - bytes.baseAddress! + 1
                guard offset < bytes.count else { return nil }
                let code = bytes[offset]
                if code == 0xFF { continue }
                offset += 1
                if code != 0 { return code }
            }
            return nil
        }
    }
}
