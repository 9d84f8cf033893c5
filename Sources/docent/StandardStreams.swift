import ArgumentParser

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Standard output and error, unbuffered: a line that was printed is there whatever happens next.
enum StandardStream {
    static let output = ResultStream()
    static let error = MessageStream()

    /// Makes a pipe whose reader has gone an error of the write instead of the end of the process: a run that does not
    /// need the pipe goes on, and one that does can leave its database in order.
    static func ignoreClosedPipes() { signal(SIGPIPE, SIG_IGN) }
}

/// Where results go: one that cannot be written is an error.
struct ResultStream: Sendable {
    /// Throws `CommandError.outputLost`; a bare exit status when the reader has gone, who knows.
    func write(_ text: String) throws {
        guard let code = FileDescriptor.output.write(text) else { return }
        throw code == EPIPE ? ExitCode.failure : CommandError.outputLost(reason: String(cString: strerror(code)))
    }

    func writeLine(_ text: String) throws { try write(text + "\n") }
}

/// Where messages and progress go: what cannot be written is lost, for there is nobody left to tell.
struct MessageStream: Sendable {
    func write(_ text: String) { _ = FileDescriptor.error.write(text) }

    func writeLine(_ text: String) { write(text + "\n") }

    /// Columns of the terminal; nil when it is none.
    var terminalWidth: Int? {
        let raw = FileDescriptor.error.rawValue
        guard isatty(raw) == 1 else { return nil }
        var size = winsize()
        return ioctl(raw, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}

private enum FileDescriptor: Int32 {
    case output = 1
    case error = 2

    /// Writes all of `text`; returns the error number that stopped it.
    func write(_ text: String) -> Int32? {
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
            if count < 0, errno != EINTR { return errno }
            written += max(count, 0)
        }
        return nil
    }
}
