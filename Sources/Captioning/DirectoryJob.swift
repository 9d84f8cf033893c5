import FoundationEssentials
public import Jobs
import Workers

/// Fills a job with the images below a directory, while its first images are captioned already.
///
/// The job is in the database, unsealed, before the walk begins. Whatever ends the walk early leaves it so, and the next
/// walk adds what is missing: a request is known by its path, so no image is asked about twice. What cannot be reached
/// is a failed request from the start.
public struct DirectoryJob: Sendable {
    /// What such jobs are stored as.
    public static let kind = "directory"

    private let store: JobStore
    /// Whether a path without symbolic links is inside the directories that are open to clients.
    private let isOpen: @Sendable (String) -> Bool
    private let pool = BlockingPool(threads: 1)

    /// Requests stored in one commit, and commits that the walk may be ahead.
    private static let chunk = 256
    private static let ahead = 4

    public init(store: JobStore, isOpen: @escaping @Sendable (String) -> Bool) {
        self.store = store
        self.isOpen = isOpen
    }

    /// Walks the job's directory and seals the job; returns early when somebody cancelled it.
    ///
    /// A job whose directory is gone is sealed with a failure that says so.
    /// - Throws: `CancellationError`, `JobStoreError`, `CaptionError` for a specification that cannot be read; the job can
    ///   be filled again then.
    public func fill(_ job: JobID) async throws {
        guard let job = try await store.job(job), !job.isSealed else { return }
        let order = try BulkOrder(of: job)
        let directory = order.path ?? ""
        do {
            do {
                guard isOpen(directory) else { throw CaptionError.pathMissing(directory) }
                try await walk(directory, order, job.id)
            } catch let error as CaptionError {
                let failure = ImageFailure(path: directory, code: "directory_unreadable", message: error.description)
                try await store.append(refused: [try order.refusal(failure)], to: job.id)
            }
            try await store.seal(job.id)
        } catch JobStoreError.jobIsCancelled, JobStoreError.jobIsSealed, JobStoreError.unknownJob {
            return
        }
    }

    private func walk(_ directory: String, _ order: BulkOrder, _ job: JobID) async throws {
        let handover = Handover<[DirectoryWalker.Found]>(limit: Self.ahead)
        var walker = DirectoryWalker()
        walker.mayFollow = isOpen
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [walker] in
                defer { handover.finish() }
                try await pool.run {
                    var found: [DirectoryWalker.Found] = []
                    try walker.walk([directory]) {
                        found.append($0)
                        guard found.count == Self.chunk else { return true }
                        defer { found = [] }
                        return handover.send(found)
                    }
                    _ = handover.send(found)
                }
            }
            do {
                for await found in handover.elements {
                    try await append(found, order, job)
                    handover.taken()
                }
            } catch {
                handover.close()
                throw error
            }
            // The walk is over, or this task is cancelled and the walk must end.
            handover.close()
            try await group.waitForAll()
        }
        try Task.checkCancellation()
    }

    private func append(_ found: [DirectoryWalker.Found], _ order: BulkOrder, _ job: JobID) async throws {
        var requests: [NewRequest] = []
        var refusals: [RefusedRequest] = []
        for found in found {
            switch found {
            case .image(let image):
                // The file itself, not a link to it: a link may lead elsewhere by the time that the request runs.
                let location = DirectoryListing.canonical(image.location) ?? image.location
                requests.append(try order.request(about: .file(location), named: image.path))
            case .problem(let problem):
                refusals.append(try order.refusal(problem))
            }
        }
        _ = try await store.append(requests, to: job)
        if !refusals.isEmpty { try await store.append(refused: refusals, to: job) }
    }
}

extension BulkOrder {
    /// Refers to an address that no fetcher takes, so that a retry fails again instead of reading what was refused.
    fileprivate func refusal(_ failure: ImageFailure) throws -> RefusedRequest {
        let path = failure.path.isEmpty ? path ?? "/" : failure.path
        return RefusedRequest(
            key: path, payload: try request(about: .url("file:"), named: path).payload,
            failure: RequestFailure(code: failure.code, message: failure.message, isRetryable: false))
    }
}
