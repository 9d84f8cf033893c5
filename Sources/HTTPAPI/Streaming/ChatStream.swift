import Workers

/// Turns the events of one request into the frames of a streamed chat completion.
struct ChatStream: Sendable {
    let chunks: ChatCompletionChunk
    let choices: Int
    let includesUsage: Bool
    let hasLogprobs: Bool

    func frames(for event: WorkEvent) -> [String] {
        switch event {
        case .started:
            return (0..<choices).map { chunks.role(choice: $0).text }
        case .delta(let choice, let text, let logprobs):
            // A token may come without text yet; without probabilities there is nothing to tell of it.
            guard !text.isEmpty || !logprobs.isEmpty else { return [] }
            return [chunks.content(choice: choice, text: text, logprobs: hasLogprobs ? logprobs : nil).text]
        case .choiceFinished(let choice, let summary):
            return [chunks.finish(choice: choice, summary).text]
        case .finished(let answer):
            return (includesUsage ? [chunks.usage(answer.usage).text] : []) + [Self.end]
        case .failed(let failure):
            return [APIError(failure).json.text, Self.end]
        case .cancelled:
            return [APIError.cancelled.json.text, Self.end]
        }
    }

    private static let end = "[DONE]"
}
