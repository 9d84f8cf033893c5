/// Events of a step, delivered together at its end: whoever hears of an answer's end finds its pages already free and
/// the metrics already counting it.
struct Outbox {
    typealias Continuation = AsyncThrowingStream<GenerationEvent, any Error>.Continuation

    private enum Message {
        case event(GenerationEvent)
        case end(EngineError?)
    }

    private var messages: [(message: Message, recipient: Continuation)] = []

    mutating func add(_ event: GenerationEvent, to recipient: Continuation) {
        messages.append((.event(event), recipient))
    }

    mutating func end(_ recipient: Continuation, throwing error: EngineError? = nil) {
        messages.append((.end(error), recipient))
    }

    mutating func deliver() {
        for (message, recipient) in messages {
            switch message {
            case .event(let event): recipient.yield(event)
            case .end(let error): recipient.finish(throwing: error)
            }
        }
        messages.removeAll(keepingCapacity: true)
    }
}
