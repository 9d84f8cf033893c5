#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A system library of this process and what it says of itself: the one that runs, not the one that was built against.
struct LoadedLibrary: Encodable {
    let name: String
    /// Nil when it is not loaded.
    let version: String?

    private static let versionFunctions = [
        ("SQLite", "sqlite3_libversion"), ("libvips", "vips_version_string"),
    ]

    static var all: [LoadedLibrary] {
        versionFunctions.map { LoadedLibrary(name: $0, version: version(from: $1)) }
    }

    /// Calls a function of no arguments that returns a constant C string.
    private static func version(from function: String) -> String? {
        guard let program = dlopen(nil, RTLD_LAZY), let symbol = dlsym(program, function) else { return nil }
        let call = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<CChar>?).self)
        return call().map { String(cString: $0) }
    }
}
