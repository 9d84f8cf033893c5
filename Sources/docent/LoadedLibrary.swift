import Models

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A system library and what it says of itself: the one that runs, not the one that was built against.
struct LoadedLibrary: Encodable {
    let name: String
    /// Nil when it cannot be loaded.
    let version: String?

    static var all: [LoadedLibrary] {
        [
            LoadedLibrary(name: "SQLite", version: version(from: "sqlite3_libversion")),
            LoadedLibrary(name: "libvips", version: ImageDecoder.libraryVersion),
        ]
    }

    /// Calls a function of no arguments that returns a constant C string.
    private static func version(from function: String) -> String? {
        guard let program = dlopen(nil, RTLD_LAZY), let symbol = dlsym(program, function) else { return nil }
        let call = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<CChar>?).self)
        return call().map { String(cString: $0) }
    }
}
