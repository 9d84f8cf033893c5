import Captioning
import HTTPAPI
import Inference
import Jobs
import Logging
import Models
import ServiceLifecycle
import Workers

/// Jobs that clients order over HTTP: a recipe asked about images below a directory, at addresses, or uploaded before.
///
/// Directories are walked one after the other in the background. Those that the last server was still walking come first.
struct RecipeJobs: JobIntake, Service {
    private let store: JobStore
    private let model: ModelCard
    private let directories: DirectoryJob
    private let logger: Logger
    private let opened: AsyncStream<JobID>
    private let announcer: AsyncStream<JobID>.Continuation

    init(store: JobStore, model: ModelCard, roots: AllowedRoots, logger: Logger) {
        self.store = store
        self.model = model
        self.logger = logger
        directories = DirectoryJob(store: store, isOpen: roots.contains)
        (opened, announcer) = AsyncStream.makeStream()
    }

    // MARK: Orders

    func accept(_ order: JobOrder) async throws -> (job: Job, isNew: Bool) {
        let recipe = try Self.recipe(for: order)
        switch order.images {
        case .directory(let path):
            let bulk = BulkOrder(recipe, path: path, model: model, metadata: order.metadata)
            let wanted = try job(order, bulk, kind: DirectoryJob.kind, label: "images of \(path)")
            let (job, isNew) = try await store.create(wanted, isSealed: false)
            if isNew { announcer.yield(job.id) }
            return try Self.checked(job, isNew, wanted)
        case .addresses(let urls):
            let bulk = BulkOrder(recipe, listed: urls, model: model, metadata: order.metadata)
            let requests = try urls.map { try bulk.request(about: .url($0), named: $0) }
            let wanted = try job(
                order, bulk, kind: "urls", label: "\(urls.count) \(urls.count == 1 ? "image" : "images") at addresses")
            let (job, isNew) = try await store.create(wanted, requests)
            return try Self.checked(job, isNew, wanted)
        case .files(let ids):
            let bulk = BulkOrder(recipe, listed: ids.map(\.rawValue), model: model, metadata: order.metadata)
            let files = try await uploaded(ids)
            let requests = try files.map {
                try bulk.request(about: .blob($0.blob), named: $0.filename, key: $0.id.rawValue)
            }
            let wanted = try job(
                order, bulk, kind: "files", label: "\(files.count) uploaded \(files.count == 1 ? "image" : "images")")
            let (job, isNew) = try await store.create(wanted, requests)
            return try Self.checked(job, isNew, wanted)
        }
    }

    func postprocessing(of job: Job) -> (@Sendable (String) -> String)? {
        guard let captions = JobCaptions(of: job) else { return nil }
        return { captions.caption(of: $0) }
    }

    private func uploaded(_ ids: [FileID]) async throws -> [StoredFile] {
        let known = try await store.files(ids)
        return try ids.enumerated().map { index, id in
            guard let file = known[id] else {
                throw JobRefusal.invalid(
                    param: "file_ids.\(index)", reason: "There is no file \(id.rawValue.prefix(100)).")
            }
            return file
        }
    }

    private static func recipe(for order: JobOrder) throws -> Recipe {
        do {
            var recipe: Recipe
            switch order.question {
            case .recipe(let name):
                // A file's name would be read from this machine's disk: clients may only name what ships in the program.
                guard RecipeLibrary.names.contains(name) else {
                    throw JobRefusal.invalid(
                        param: "recipe",
                        reason: "There is no recipe \"\(name.prefix(100))\": expected one of "
                            + "\(RecipeLibrary.names.joined(separator: ", ")), or a recipe's own object.")
                }
                recipe = try RecipeLibrary.recipe(name)
            case .inline(let json): recipe = try Recipe(json: json, origin: "in the request")
            case .prompt(let prompt): recipe = try Recipe(prompt: prompt)
            }
            if let maxTokens = order.maxTokens { recipe.sampling.maxTokens = maxTokens }
            if let temperature = order.temperature { recipe.sampling.temperature = temperature }
            if let maxTiles = order.maxTiles { recipe.maxTiles = maxTiles }
            if let problem = recipe.outOfRange {
                throw JobRefusal.invalid(param: "recipe", reason: "The recipe cannot be used: \(problem).")
            }
            return recipe
        } catch let error as CaptionError {
            throw JobRefusal.invalid(
                param: order.question.isPrompt ? "prompt" : "recipe", reason: error.description)
        }
    }

    private func job(_ order: JobOrder, _ bulk: BulkOrder, kind: String, label: String) throws -> NewJob {
        NewJob(
            kind: kind, label: order.label ?? label, model: model.identity, priority: order.priority,
            specification: try bulk.specification, deduplicationKey: order.deduplicationKey)
    }

    private static func checked(_ job: Job, _ isNew: Bool, _ wanted: NewJob) throws -> (job: Job, isNew: Bool) {
        guard isNew || (job.kind, job.specification, job.label) == (wanted.kind, wanted.specification, wanted.label)
        else { throw JobRefusal.otherOrder(job.id) }
        return (job, isNew)
    }

    // MARK: Walks

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                for job in try await store.unsealedJobs(kind: DirectoryJob.kind) { try await fill(job.id) }
                for await job in opened { try await fill(job) }
            }
        } catch is CancellationError {
            return
        }
    }

    private func fill(_ job: JobID) async throws {
        do { try await directories.fill(job) } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.error("directory not walked", metadata: ["job": "\(job)", "error": "\(error)"])
        }
    }
}

extension JobOrder.Question {
    fileprivate var isPrompt: Bool { if case .prompt = self { true } else { false } }
}
