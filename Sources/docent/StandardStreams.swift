#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Standard output and error, unbuffered: a line that was printed is there whatever happens next.
enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Writes `text` as it is. What cannot be written is lost: there is nobody left to tell.
    func write(_ text: String) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                #if canImport(Darwin)
                    Darwin.write(rawValue, buffer.baseAddress! + written, buffer.count - written)
                #else
                    Glibc.write(rawValue, buffer.baseAddress! + written, buffer.count - written)
                #endif
            }
            if count < 0, errno != EINTR { return }
            written += max(count, 0)
        }
    }

    func writeLine(_ text: String) { write(text + "\n") }

    /// Columns of the terminal; nil when it is none.
    var terminalWidth: Int? {
        guard isatty(rawValue) == 1 else { return nil }
        var size = winsize()
        return ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
