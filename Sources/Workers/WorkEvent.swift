public import Inference
public import Jobs

/// What the waiter of a synchronous request sees of it, in order.
public enum WorkEvent: Sendable {
    /// Images are decoded and the prompt is tokenised; deltas follow.
    case started(promptTokens: Int)
    /// New text of one choice, with its tokens' probabilities when the request asked for them.
    case delta(choice: Int, text: String, logprobs: [TokenLogprob])
    /// One choice has ended; the others may go on.
    case choiceFinished(choice: Int, GenerationSummary)
    /// The result is committed. The last event.
    case finished(ChatAnswer)
    /// The request has failed for good. The last event.
    case failed(RequestFailure)
    /// Somebody cancelled the request. The last event.
    case cancelled
}

/// A synchronous request in the queue: where its row is and what happens to it.
public struct Ticket: Sendable {
    public let jobID: JobID
    public let requestID: RequestID
    /// Leaving the iteration before the last event cancels the request.
    public let events: AsyncStream<WorkEvent>

    public init(jobID: JobID, requestID: RequestID, events: AsyncStream<WorkEvent>) {
        self.jobID = jobID
        self.requestID = requestID
        self.events = events
    }
}
