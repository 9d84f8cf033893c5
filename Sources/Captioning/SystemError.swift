#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Why the operating system refused a call: its error number, told in its words.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    public let code: Int32

    public init(_ code: Int32) { self.code = code }

    /// Of the call that has just failed on this thread.
    static var last: SystemError { SystemError(errno) }

    public var description: String { String(cString: strerror(code)) }

    /// Whether the reason lies in one name or its folder, so that other files may well fare better; a full or failing disk
    /// is everybody's trouble.
    var concernsOneFile: Bool {
        [EISDIR, EACCES, EPERM, ENAMETOOLONG, EROFS, ENOTDIR, ELOOP, ENOENT].contains(code)
    }
}
