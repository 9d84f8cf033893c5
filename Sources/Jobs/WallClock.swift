internal import Glibc
internal import Synchronization

/// What time it is for people. Injected, so that tests decide when a retry is due or a lease ends.
public protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// The clock of the machine (CLOCK_REALTIME).
public struct SystemWallClock: WallClock {
    public init() {}

    public func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

/// A wall clock that never goes back: after a backward jump it goes on from the last reading at the normal speed.
///
/// Leases and retries are differences between readings; a clock set back by an hour must neither freeze them for an
/// hour nor let them fire twice.
final class SteadyClock: WallClock {
    private let wall: any WallClock
    private let state = Mutex((last: Timestamp(milliseconds: .min), offset: Int64(0)))

    init(_ wall: any WallClock) {
        self.wall = wall
    }

    func now() -> Timestamp {
        let reading = wall.now()
        return state.withLock { state in
            let candidate = Timestamp(milliseconds: reading.milliseconds + state.offset)
            if candidate < state.last {
                state.offset += state.last.milliseconds - candidate.milliseconds
            } else {
                state.last = candidate
            }
            return state.last
        }
    }
}
