import Workers

/// Turns the events of one request into the frames of a streamed chat completion.
struct ChatStream: Sendable {
    let chunks: ChatCompletionChunk
    let choices: Int
    let includesUsage: Bool
    let hasLogprobs: Bool

    func frames(for event: WorkEvent) -> [String] {
        switch event {
        case .started(let promptTokens, let tokenIDs):
            return (0..<choices).map { chunks.role(choice: $0, promptTokens: promptTokens, tokenIDs: tokenIDs).text }
        case .delta(let delta):
            return frames(of: delta)
        case .choiceFinished(let choice, let usage):
            return [chunks.finish(choice, usage: usage).text]
        case .finished(let answer):
            return (includesUsage ? [chunks.usage(answer.usage).text] : []) + [Self.end]
        case .failed(let failure):
            return [APIError(failure).json.text, Self.end]
        case .cancelled:
            return [APIError.cancelled.json.text, Self.end]
        }
    }

    private func frames(of delta: AnswerDelta) -> [String] {
        var frames: [JSONNode] = []
        // A token may come without text yet; without probabilities and ids there is nothing to tell of it.
        if !delta.text.isEmpty || !delta.logprobs.isEmpty || !delta.tokenIDs.isEmpty {
            frames.append(chunks.content(delta, hasLogprobs: hasLogprobs))
        }
        for (index, call) in delta.toolCalls.enumerated() {
            frames += chunks.toolCall(call, index: delta.formerToolCalls + index, of: delta)
        }
        return frames.map(\.text)
    }

    private static let end = "[DONE]"
}
