public import Foundation
import Synchronization

/// A started program. Foundation's `Process` is not used for it: to close what a child shall not inherit, it copies whole
/// directory entries out of a shorter buffer, and now and then crashes a test process that has many files open.
public final class ChildProcess: Sendable {
    /// Where one of the three standard streams goes.
    public enum Stream: Sendable {
        case null
        /// A file made anew.
        case file(String)
        /// One that is open here; it stays so.
        case descriptor(Int32)
    }

    public enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(by: Int32)
    }

    public struct NotStarted: Error { public let code: Int32 }

    public let identifier: pid_t

    private enum State {
        case running(waiters: [CheckedContinuation<Ending, Never>])
        case ended(Ending)
    }

    private let state = Mutex(State.running(waiters: []))

    /// Starts `executable` with no other open files than the three, no blocked signals and all actions as they are by default.
    ///
    /// - Parameters:
    ///   - executable: a path.
    ///   - arguments: those after its name.
    /// - Throws: `NotStarted` with `posix_spawn`'s error.
    public init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], output: Stream = .null,
        errors: Stream = .null
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in zip(Int32(0)..., [.null, output, errors]) {
            switch stream {
            case .null: posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
            case .file(let path):
                posix_spawn_file_actions_addopen(&actions, number, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            case .descriptor(let other): posix_spawn_file_actions_adddup2(&actions, other, number)
            }
        }
        _ = closeFrom(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var child: pid_t = 0
        let code = withCStrings([executable] + arguments) { arguments in
            withCStrings(environment.map { "\($0)=\($1)" }) { environment in
                posix_spawn(&child, executable, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else { throw NotStarted(code: code) }
        identifier = child
        Thread.detachNewThread { self.awaitEnd() }
    }

    /// Starts a program that the build puts beside the test bundle.
    public convenience init(
        besideTests name: String, _ arguments: [String], environment: [String: String] = [:], output: Stream = .null,
        errors: Stream = .null
    ) throws {
        let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        try self.init(
            folder.appending(path: name).path, arguments, environment: environment, output: output, errors: errors)
    }

    public var isRunning: Bool {
        state.withLock { if case .running = $0 { true } else { false } }
    }

    /// Does nothing once it has ended: its number may be another process's by then.
    public func send(_ signal: Int32) {
        state.withLock { if case .running = $0 { _ = kill(identifier, signal) } }
    }

    public func ended() async -> Ending {
        await withCheckedContinuation { continuation in
            let ending: Ending? = state.withLock {
                switch $0 {
                case .running(let waiters):
                    $0 = .running(waiters: waiters + [continuation])
                    return nil
                case .ended(let ending): return ending
                }
            }
            if let ending { continuation.resume(returning: ending) }
        }
    }

    /// Waits without taking the process's number away, so that `send` never meets one that is gone.
    private func awaitEnd() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let (ending, waiters): (Ending, [CheckedContinuation<Ending, Never>]) = state.withLock {
            var status: Int32 = 0
            while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
            // As `man 2 wait` lays it out: the lowest seven bits are the signal's number, the next eight bits the status.
            let ending = status & 0x7f == 0 ? Ending.exited(status >> 8 & 0xff) : .killed(by: status & 0x7f)
            guard case .running(let waiters) = $0 else { return (ending, []) }
            $0 = .ended(ending)
            return (ending, waiters)
        }
        for waiter in waiters { waiter.resume(returning: ending) }
    }
}

private typealias CloseFrom =
    @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt

/// glibc 2.34 and later; its header shows it only to C with GNU's extensions.
private let closeFrom = unsafeBitCast(
    dlsym(nil, "posix_spawn_file_actions_addclosefrom_np"), to: CloseFrom.self)

/// The strings as C wants them: pointers, and a null pointer behind the last.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}
