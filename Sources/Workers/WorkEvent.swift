public import Jobs
public import Models

/// What the waiter of a synchronous request sees of it, in order.
public enum WorkEvent: Sendable {
    /// Images are decoded and the prompt is tokenised; deltas follow. `tokenIDs`: the prompt's, when asked for.
    case started(promptTokens: Int, tokenIDs: [Int32]?)
    case delta(AnswerDelta)
    /// One choice has ended; the others may go on. Its usage is of this choice alone.
    case choiceFinished(ChatAnswer.Choice, usage: ChatAnswer.Usage)
    /// The result is committed. The last event.
    case finished(ChatAnswer)
    /// The request has failed for good. The last event.
    case failed(RequestFailure)
    /// Somebody cancelled the request. The last event.
    case cancelled
}

/// What is new of one choice.
public struct AnswerDelta: Sendable, Hashable {
    public var choice: Int
    public var text: String
    public var toolCalls: [ToolCall]
    /// Calls of this choice before these.
    public var formerToolCalls: Int
    /// Of the new tokens, when the request asked for probabilities.
    public var logprobs: [TokenLogprob]
    /// Of the new tokens, when the request asked for ids.
    public var tokenIDs: [Int32]
    /// Of this choice, up to now.
    public var usage: ChatAnswer.Usage
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
