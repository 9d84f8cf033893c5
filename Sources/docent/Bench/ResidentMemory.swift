import Foundation

#if canImport(Darwin)
    import Darwin
#endif

/// The memory of this process that is in RAM, pages of mapped files included: what a person sees in `top`.
enum ResidentMemory {
    /// Bytes now; nil where the system does not tell.
    static var now: Int? { field("VmRSS:") }

    /// Most bytes since the last `forgetPeak`; since the start where a peak cannot be forgotten.
    static var peak: Int? {
        #if canImport(Darwin)
            var usage = rusage()
            return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : nil
        #else
            field("VmHWM:")
        #endif
    }

    /// Makes what is resident now the peak. See proc(5), `clear_refs`: 5 resets "peak resident set size".
    static func forgetPeak() {
        #if os(Linux)
            let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs")
            try? file?.write(contentsOf: Data("5".utf8))
        #endif
    }

    /// A field of /proc/self/status, in bytes: "VmHWM:    123456 kB".
    private static func field(_ name: String) -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return kilobytes * 1024
    }
}
