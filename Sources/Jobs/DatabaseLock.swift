internal import Glibc
internal import Synchronization

/// Who has a database open.
public struct DatabaseOwner: Sendable, Hashable {
    /// How others can reach it.
    public enum Service: Sendable, Hashable {
        /// Not at all: it is a command that works for itself.
        case command
        /// Soon: it is a server that is still loading, and will say where it answers.
        case starting
        case at(url: String)
    }

    public let pid: Int32
    public let service: Service

    public init(pid: Int32, service: Service) {
        self.pid = pid
        self.service = service
    }

    /// Where it answers, once it said so.
    public var url: String? { if case .at(let url) = service { url } else { nil } }
}

/// The lock that makes one process the owner of a database, held on `<database>.lock` until the process ends.
///
/// An open-file-description lock of Linux: the kernel drops it at the instant the owner dies, however it dies; a second
/// store in the same process is refused too; and asking who holds it (F_OFD_GETLK) does not take it. The file is never
/// deleted: deleting it while somebody opens it would give two processes a lock each. Its contents, the owner's pid and
/// service, only mean something while the lock is held.
final class DatabaseLock: Sendable {
    // The module map of Glibc hides these behind _GNU_SOURCE.
    private static let queryCommand: Int32 = 36
    private static let setCommand: Int32 = 37
    /// Stands where the URL will be; no URL looks like it.
    private static let startingLine = "starting"

    let path: String
    let descriptor: Int32
    private let isReleased = Atomic<Bool>(false)

    static func path(for database: String) -> String { database + ".lock" }

    /// Takes the lock, or says who has it.
    init(database: String, announcing service: DatabaseOwner.Service = .command) throws {
        path = Self.path(for: database)
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw JobStoreError.notWritable(path: path, reason: systemMessage(errno))
        }
        var request = Self.wholeFile
        guard fcntl(descriptor, Self.setCommand, &request) == 0 else {
            let code = errno
            defer { Glibc.close(descriptor) }
            guard code == EAGAIN || code == EACCES else {
                throw JobStoreError.notWritable(path: path, reason: systemMessage(code))
            }
            throw JobStoreError.locked(Self.contents(of: descriptor) ?? DatabaseOwner(pid: 0, service: .command))
        }
        try announce(service)
    }

    deinit { release() }

    /// Lets another process have the database.
    ///
    /// Closing alone would not do: a child that this process is just starting has a copy of the descriptor until its
    /// `exec`, and the lock lives as long as any copy.
    func release() {
        guard !isReleased.exchange(true, ordering: .relaxed) else { return }
        var request = Self.wholeFile
        request.l_type = Int16(F_UNLCK)
        _ = fcntl(descriptor, Self.setCommand, &request)
        Glibc.close(descriptor)
    }

    /// Writes pid and service in one `pwrite`, so that a reader sees the old or the new contents.
    func announce(_ service: DatabaseOwner.Service) throws {
        let line =
            switch service {
            case .command: ""
            case .starting: Self.startingLine
            case .at(let url): url
            }
        let text = Array("\(getpid())\n\(line)\n".utf8)
        let written = pwrite(descriptor, text, text.count, 0)
        guard written == text.count, ftruncate(descriptor, off_t(text.count)) == 0 else {
            throw JobStoreError.notWritable(path: path, reason: systemMessage(errno))
        }
    }

    /// The live owner of a database, nil when nobody has it open.
    static func owner(of database: String) -> DatabaseOwner? {
        let descriptor = open(path(for: database), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        var query = wholeFile
        guard fcntl(descriptor, queryCommand, &query) == 0, query.l_type != F_UNLCK else { return nil }
        return contents(of: descriptor)
    }

    private static var wholeFile: flock {
        flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }

    private static func contents(of descriptor: Int32) -> DatabaseOwner? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let lines = buffer[..<count].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard let pid = lines.first.flatMap({ Int32($0) }) else { return nil }
        let service: DatabaseOwner.Service =
            switch lines.dropFirst().first ?? "" {
            case "": .command
            case startingLine: .starting
            case let url: .at(url: url)
            }
        return DatabaseOwner(pid: pid, service: service)
    }
}

/// What the system calls an error number.
func systemMessage(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
