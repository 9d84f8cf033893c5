public import Jobs

/// What `POST /v1/jobs` asks for: checked as far as that can be done without knowing recipes.
public struct JobOrder: Sendable, Hashable {
    public enum Question: Sendable, Hashable {
        case recipe(name: String)
        /// A recipe's own JSON.
        case inline(json: [UInt8])
        case prompt(String)
    }

    public enum Images: Sendable, Hashable {
        /// Everything below a directory inside an allowed root; absolute, without symbolic links.
        case directory(String)
        /// Addresses that the fetcher may try, each once.
        case addresses([String])
        /// Files that clients uploaded, each once; whether they are there is for the intake to see.
        case files([FileID])
    }

    public var question: Question
    public var images: Images
    public var maxTokens: Int?
    public var temperature: Float?
    public var maxTiles: Int?
    public var priority = JobPriority.bulk
    /// For people; nil for one that says what is captioned.
    public var label: String?
    public var metadata: [String: String]?
    /// What makes a second order the same as the first: the client's `Idempotency-Key`.
    public var deduplicationKey: String?

    init(question: Question, images: Images) {
        self.question = question
        self.images = images
    }
}

/// Makes jobs of orders and fills them. A variation point because what a recipe is and how directories are walked is not
/// this target's to know.
public protocol JobIntake: Sendable {
    /// Stores the job of an order; what it asks for may be added to it later, whatever happens to the process meanwhile.
    /// A job that is known under the order's deduplication key is returned as it is.
    /// - Throws: `JobRefusal`, before anything is stored.
    func accept(_ order: JobOrder) async throws -> (job: Job, isNew: Bool)

    /// What a job's recipe makes captions of answers with; nil for jobs without a recipe.
    func postprocessing(of job: Job) -> (@Sendable (String) -> String)?
}

/// Why an order is no job.
public enum JobRefusal: Error, Sendable, Hashable {
    /// A field has a value that cannot be used.
    case invalid(param: String, reason: String)
    /// The deduplication key belongs to a job of another order.
    case otherOrder(JobID)
}
