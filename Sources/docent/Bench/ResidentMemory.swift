import Foundation

#if canImport(Darwin)
    import Darwin
#endif

/// The memory of this process that is in RAM, pages of mapped files included: what a person sees in `top`.
enum ResidentMemory {
    /// Most bytes since the last `forgetPeak`, or since the start where a peak cannot be forgotten; nil where the system does
    /// not tell.
    static var peak: Int? {
        #if canImport(Darwin)
            var usage = rusage()
            return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : nil
        #else
            // "VmHWM:    123456 kB", see proc(5).
            let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            return status?.firstMatch(of: /VmHWM:\s+([0-9]+) kB/).flatMap { Int($0.output.1) }.map { $0 * 1024 }
        #endif
    }

    /// Makes what is resident now the peak. See proc(5), `clear_refs`: 5 resets "peak resident set size".
    static func forgetPeak() {
        #if os(Linux)
            let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs")
            try? file?.write(contentsOf: Data("5".utf8))
        #endif
    }
}
