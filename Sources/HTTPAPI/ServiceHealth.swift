import Synchronization

/// Whether the service can answer: what `/v1/health/ready` says.
public final class ServiceHealth: Sendable {
    public enum State: Sendable, Hashable {
        /// The model is being loaded.
        case starting
        case ready
        /// Running requests end, new ones are refused.
        case draining
        /// The engine is lost; only a restart helps.
        case broken
    }

    private let current: Mutex<State>

    public init(_ state: State = .ready) { current = Mutex(state) }

    public var state: State {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
