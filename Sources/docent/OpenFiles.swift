#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// How many files and sockets this process may have open.
enum OpenFiles {
    #if canImport(Darwin)
        private static let resource = RLIMIT_NOFILE
    #else
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #endif

    /// What a server needs beside its connections: the database, blobs, pictures, fetches, libraries.
    static let reserve = 512

    /// The soft limit; nil where the system does not tell.
    static var limit: UInt64? {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? UInt64(limit.rlim_cur) : nil
    }

    /// Makes the hard limit the soft one, as nginx and Go's programs do.
    ///
    /// The soft limit is 1,024 nearly everywhere, for the sake of programs that use `select`; a server meets it with a
    /// thousand idle clients.
    static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }

    /// `wanted` connections, or as many as there is room for.
    static func connections(upTo wanted: Int) -> Int {
        guard let limit else { return wanted }
        let room = Int(clamping: limit) - reserve
        return max(min(wanted, room), 16)
    }
}
