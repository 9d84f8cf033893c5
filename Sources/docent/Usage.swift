#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Time that passed, and that this process computed.
struct Usage {
    var wall: Duration
    /// Of all threads together.
    var processor: Duration

    #if canImport(Darwin)
        private static let ownProcess = RUSAGE_SELF
    #else
        private static let ownProcess = __rusage_who_t(RUSAGE_SELF.rawValue)
    #endif
    private static let epoch = ContinuousClock.now

    static var now: Usage {
        var usage = rusage()
        getrusage(Usage.ownProcess, &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Usage(
            wall: ContinuousClock.now - epoch,
            processor: .seconds(seconds) + .microseconds(Int64(microseconds)))
    }

    static func - (end: Usage, start: Usage) -> Usage {
        Usage(wall: end.wall - start.wall, processor: end.processor - start.processor)
    }
}
