import FoundationEssentials
public import Jobs

/// What becomes of the answers of a job that has a recipe, whichever command or client made it.
public struct JobCaptions: Sendable, Hashable {
    private let steps: [TextStep]

    /// Nil for a job without a recipe.
    public init?(of job: Job) {
        guard let told = try? JSONDecoder().decode(Told.self, from: Data(job.specification.utf8)) else { return nil }
        steps = told.postprocess ?? [.trim]
    }

    public func caption(of answer: String) -> String { steps.reduce(answer) { $1.apply(to: $0) } }

    /// Of `BulkOrder` and of what `CaptionJob` writes; those of earlier versions have no steps.
    private struct Told: Decodable {
        let recipe: String
        let postprocess: [TextStep]?
    }
}
