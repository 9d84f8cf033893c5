internal import Glibc
internal import Synchronization

/// Room kept for bad times: a file beside the database that is given up when the disk is full, so that results in hand can
/// still be stored, and taken again when there is space.
///
/// While it is given up no new work is accepted (`.diskFull`): what room there is belongs to the work that was.
final class Ballast: Sendable {
    private enum State {
        /// Not wanted, or there was never room for it.
        case absent
        case held
        case released
    }

    static func path(for database: String) -> String { database + ".ballast" }

    let path: String
    private let bytes: Int
    private let state = Mutex(State.absent)

    /// Takes the room if there is twice as much; a ballast that fills the disk would cause what it is kept against.
    ///
    /// - Parameter bytes: 0 for none; a file that is there from earlier is then removed.
    init(database: String, bytes: Int) {
        path = Self.path(for: database)
        self.bytes = bytes
        if bytes == 0 { unlink(path) } else { state.withLock { $0 = isThere || take() ? .held : .absent } }
    }

    /// Whether new work may be accepted; takes the room again first if it can.
    func admitsWork() -> Bool {
        state.withLock { state in
            guard bytes > 0, state != .held else { return true }
            if take() { state = .held }
            return state != .released
        }
    }

    /// Gives the room up; false if there is none to give.
    func release() -> Bool {
        state.withLock { state in
            guard state == .held else { return false }
            state = .released
            return unlink(path) == 0
        }
    }

    /// Does something that nobody but us asked for, if need be with the room that is kept.
    func spending<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch JobStoreError.diskFull where release() { return try body() }
    }

    private var isThere: Bool {
        var status = stat()
        // Blocks of 512 bytes, whatever the file system's own are: a file may be there without them.
        return lstat(path, &status) == 0 && status.st_size == off_t(bytes) && Int(status.st_blocks) * 512 >= bytes
    }

    private func take() -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var space = statvfs()
        guard fstatvfs(descriptor, &space) == 0,
            Int(clamping: UInt64(space.f_bavail)) >= 2 * bytes / max(Int(space.f_frsize), 1),
            posix_fallocate(descriptor, 0, off_t(bytes)) == 0
        else {
            unlink(path)
            return false
        }
        return true
    }
}
