import Synchronization

/// What the world wants of the engine's thread: the only thing that both touch.
///
/// Requests are counted here, so that one too many is refused at once, on the caller's thread. Bulk requests do not
/// count against interactive ones, so bulk work never causes an interactive request to be refused.
final class Mailbox: Sendable {
    enum Letter: Sendable {
        case submit(Submission)
        case cancel(SequenceID)
        /// No more requests: end when those accepted are done, or at once.
        case shutDown(cancelling: Bool)
    }

    struct Submission: Sendable {
        let id: SequenceID
        let request: GenerationRequest
        /// The longest answer, in tokens.
        let answerLimit: Int
        let continuation: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
    }

    private struct State {
        var letters: [Letter] = []
        var inFlight: [Priority: Int] = [:]
        var refusal: EngineError?
    }

    /// One element for any number of letters since the element before.
    let arrivals: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let state = Mutex(State())
    private let lastNumber = Atomic(0)
    private let limit: Int

    /// `limit`: requests in flight of a priority and those above it.
    init(limit: Int) {
        self.limit = limit
        (arrivals, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func newID() -> SequenceID { SequenceID(number: lastNumber.add(1, ordering: .relaxed).newValue) }

    func submit(_ submission: Submission) throws {
        let priority = submission.request.priority
        try state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            let ahead = state.inFlight.reduce(0) { $0 + ($1.key <= priority ? $1.value : 0) }
            guard ahead < limit else { throw EngineError.overloaded(inFlight: ahead, limit: limit) }
            state.inFlight[priority, default: 0] += 1
            state.letters.append(.submit(submission))
        }
        wake.yield()
    }

    func cancel(_ id: SequenceID) { post(.cancel(id)) }

    func shutDown(cancelling: Bool) {
        close(.shutDown)
        post(.shutDown(cancelling: cancelling))
    }

    private func post(_ letter: Letter) {
        state.withLock { $0.letters.append(letter) }
        wake.yield()
    }

    // MARK: The engine's side

    func take() -> [Letter] {
        state.withLock { state in
            defer { state.letters = [] }
            return state.letters
        }
    }

    /// A request of `priority` is no longer in flight.
    func noteEnd(of priority: Priority) {
        state.withLock { $0.inFlight[priority, default: 0] -= 1 }
    }

    /// From now on every request is refused with `refusal`, unless another reason came first.
    func close(_ refusal: EngineError) {
        state.withLock { state in
            if state.refusal == nil { state.refusal = refusal }
        }
    }
}
