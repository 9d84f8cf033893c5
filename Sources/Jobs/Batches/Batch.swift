/// The public name of a batch: `batch_` and 26 base32 characters that sort by time of creation.
public struct BatchID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public var description: String { rawValue }
}

/// A file of requests that are answered together within a time, and what came of them.
///
/// ```
/// validating ─▶ in_progress ─▶ finalizing ─▶ completed
///   │  │ │        │      │          │
///   │  │ └────────┴──────┼──────────┴─▶ cancelling ─▶ cancelled
///   │  └─────────────────┴─▶ expired                  the window has closed
///   └─▶ failed                                        a line is not a request
/// ```
public struct Batch: Sendable, Hashable {
    public enum Status: String, Sendable, CaseIterable {
        case validating
        case inProgress = "in_progress"
        case finalizing, cancelling, completed, failed, expired, cancelled

        public var isFinal: Bool {
            switch self {
            case .validating, .inProgress, .finalizing, .cancelling: false
            case .completed, .failed, .expired, .cancelled: true
            }
        }
    }

    /// When it came to each status; a status that it never had is nil.
    public struct Moments: Sendable, Hashable {
        public var inProgress, finalizing, completed, failed, expired, cancelling, cancelled: Timestamp?
    }

    public let id: BatchID
    public let endpoint: String
    public let completionWindow: String
    public let inputFile: FileID
    /// What is read; nil once it is final.
    public let input: BlobID?
    /// JSON.
    public let metadata: String?
    /// How long its output files live; for ever without.
    public let outputLifetime: Duration?
    public let status: Status
    /// The name of the model that answers, known once all lines are valid.
    public let model: String?
    /// Known once all lines are valid, and until the job is pruned.
    public let job: JobID?
    /// Its window has closed before it was done.
    public let isOverdue: Bool
    /// Why it failed: JSON.
    public let errors: String?
    /// Its lines, how many of them were answered, and how many failed, as of now.
    public let total, succeeded, failed: Int
    /// Sums over all answers, known once it is final.
    public let usage: BatchUsage
    public let outputFile, errorFile: FileID?
    public let createdAt: Timestamp
    public let expiresAt: Timestamp?
    public let moments: Moments
}

/// Tokens of all answers of a batch.
public struct BatchUsage: Sendable, Hashable {
    public var inputTokens = 0
    /// Of the input's, those that were reused.
    public var cachedTokens = 0
    public var outputTokens = 0

    public init(inputTokens: Int = 0, cachedTokens: Int = 0, outputTokens: Int = 0) {
        self.inputTokens = inputTokens
        self.cachedTokens = cachedTokens
        self.outputTokens = outputTokens
    }
}

/// How a batch is created.
public struct NewBatch: Sendable {
    public var inputFile: FileID
    public var endpoint: String
    public var completionWindow: String
    /// How long it may take; as long as it will unless given.
    public var window: Duration?
    public var metadata: String?
    public var outputLifetime: Duration?
    /// What a command finds its batch by when it is given again; at most one batch has it.
    public var resumeKey: String?

    public init(
        inputFile: FileID, endpoint: String, completionWindow: String, window: Duration? = nil,
        metadata: String? = nil, outputLifetime: Duration? = nil, resumeKey: String? = nil
    ) {
        self.inputFile = inputFile
        self.endpoint = endpoint
        self.completionWindow = completionWindow
        self.window = window
        self.metadata = metadata
        self.outputLifetime = outputLifetime
        self.resumeKey = resumeKey
    }
}

/// What a batch has to show when it ends.
public struct BatchResult: Sendable {
    public var succeeded = 0
    public var failed = 0
    public var usage = BatchUsage()
    /// Nil where there is no line for it.
    public var output, errors: NewFile?

    public init() {}
}
