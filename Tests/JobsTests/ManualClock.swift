import Jobs
import Synchronization

/// A wall clock that stands still until a test moves it, in either direction.
final class ManualClock: WallClock {
    private let time = Mutex(Timestamp(milliseconds: 1_800_000_000_000))

    func now() -> Timestamp { time.withLock { $0 } }

    func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}
