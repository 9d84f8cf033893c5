internal import Synchronization

/// The public name of a job: `job_` and 26 base32 characters that sort by time of creation.
public struct JobID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public var description: String { rawValue }
}

/// Makes job ids: 48 bits of milliseconds and 80 random bits in Crockford's base32 (the layout of a ULID).
///
/// Within a millisecond, or after the clock went back, the last id is counted up: ids of one process always increase.
final class JobIDGenerator: Sendable {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    private let last = Mutex<UInt128>(0)

    func next(at now: Timestamp) -> JobID {
        let random = UInt128.random(in: 0..<(1 << 80))
        let fresh = UInt128(UInt64(clamping: now.milliseconds) & 0xffff_ffff_ffff) << 80 | random
        let value = last.withLock { last in
            last = max(fresh, last + 1)
            return last
        }
        let characters = (0..<26).reversed().map { Self.alphabet[Int(truncatingIfNeeded: value >> ($0 * 5)) & 31] }
        return JobID(rawValue: "job_" + String(decoding: characters, as: UTF8.self))
    }
}
