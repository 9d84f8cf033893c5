public import Models

/// One answer wanted from the engine.
public struct GenerationRequest: Sendable {
    /// Unique among the requests in flight; for logs and cancellation.
    public var id: String
    public var prompt: Prompt
    public var sampling: SamplingParameters
    public var priority: Priority
    /// `sampling.constraint`, compiled.
    public var constraint: Constraint?

    public init(
        id: String, prompt: Prompt, sampling: SamplingParameters, priority: Priority = .interactive,
        constraint: Constraint? = nil
    ) {
        self.id = id
        self.prompt = prompt
        self.sampling = sampling
        self.priority = priority
        self.constraint = constraint
    }
}

/// Who goes first when not everything fits: somebody waits for an interactive answer, nobody for a bulk one.
public enum Priority: Int, Sendable, Comparable, Codable {
    case interactive = 0
    case bulk = 1

    public static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
}
