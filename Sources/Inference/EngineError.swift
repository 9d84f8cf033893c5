/// Why the engine does not answer a request.
public enum EngineError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Too many requests are waiting; this one may be sent again later.
    case overloaded(inFlight: Int, limit: Int)
    /// Prompt and longest answer together do not fit the model's context or the KV cache.
    case promptTooLong(promptTokens: Int, maxTokens: Int, limit: Int)
    /// A sampling parameter is out of its range.
    case invalidParameter(name: String, value: String, expected: String)
    /// The prompt cannot be run: a token outside the vocabulary, images that do not match their places.
    case invalidPrompt(reason: String)
    /// The vision tower gave another number of feature rows than the prompt has places for.
    case wrongFeatures(image: String, expectedRows: Int, foundRows: Int)
    /// The model's logits are not numbers.
    case invalidLogits(position: Int)
    /// An answer cannot go on under its constraint.
    case constraintFailed(ConstraintError)
    /// The request's own rules forbid every token.
    case noTokenAllowed
    /// The device could not do this request's part of a step; the engine goes on.
    case requestFailed(reason: String)
    /// The device stopped working; nothing can be answered any more.
    case deviceLost(reason: String)
    /// The engine was shut down before the answer was complete.
    case shutDown
    /// The engine cannot be made like this.
    case invalidConfiguration(reason: String)

    public var description: String {
        switch self {
        case .overloaded(let inFlight, let limit):
            "\(inFlight) requests are in flight and at most \(limit) may be: try again later"
        case .promptTooLong(let promptTokens, let maxTokens, let limit):
            "a prompt of \(promptTokens) tokens and an answer of up to \(maxTokens) do not fit into \(limit) tokens: "
                + "shorten the prompt, use fewer or smaller images, or lower max_tokens"
        case .invalidParameter(let name, let value, let expected):
            "\(name) must be \(expected), not \(value)"
        case .invalidPrompt(let reason):
            "the prompt cannot be run: \(reason)"
        case .wrongFeatures(let image, let expectedRows, let foundRows):
            "image \(image) gave \(foundRows) rows of features where the prompt has \(expectedRows) places"
        case .invalidLogits(let position):
            "the model's logits at position \(position) are not numbers: are the weights damaged?"
        case .constraintFailed(let error):
            "the answer cannot go on under its constraint: \(error)"
        case .noTokenAllowed:
            "the constraint, allowed_token_ids, bad_words, min_tokens and logit_bias together leave no token that may come next"
        case .requestFailed(let reason):
            "the device could not run this request: \(reason)"
        case .deviceLost(let reason):
            "the device was lost: \(reason); restart to go on"
        case .shutDown:
            "the engine was shut down before the answer was complete"
        case .invalidConfiguration(let reason):
            "the engine cannot be configured like this: \(reason)"
        }
    }
}
