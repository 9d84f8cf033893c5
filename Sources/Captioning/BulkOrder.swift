import Crypto
import FoundationEssentials
public import Inference
public import Jobs
public import Models
public import Workers

/// What a job asks of every one of its images: its row's specification, from which a restarted server goes on filling it.
public struct BulkOrder: Codable, Sendable, Hashable {
    /// The recipe's name, for people.
    public var recipe: String
    public var prompt: String
    public var system: String?
    public var sampling: SamplingParameters
    public var maxTiles: Int?
    /// What is done to an answer before it is a caption. Rows of earlier versions lack it.
    public var postprocess: [TextStep]?
    /// The directory whose images are asked about, without symbolic links; nil when they were listed.
    public var path: String?
    /// Of the list of images, so that another list is another order.
    public var listSHA256: String?
    public var model: String
    public var weightsSHA256: String
    /// The client's own.
    public var metadata: [String: String]?

    public init(
        _ recipe: Recipe, path: String? = nil, listed: [String]? = nil, model: ModelCard, metadata: [String: String]?
    ) {
        self.recipe = recipe.name
        prompt = recipe.prompt.source
        system = recipe.system
        sampling = recipe.sampling
        maxTiles = recipe.maxTiles
        postprocess = recipe.postprocessing
        self.path = path
        listSHA256 = listed.map {
            ContentHash(SHA256.hash(data: Data($0.joined(separator: "\n").utf8))).description
        }
        self.model = model.name
        weightsSHA256 = model.weightsHash
        self.metadata = metadata
    }

    /// - Throws: `CaptionError.unreadableSpecification`.
    public init(of job: Job) throws(CaptionError) {
        do { self = try JSONDecoder().decode(BulkOrder.self, from: Data(job.specification.utf8)) } catch {
            throw .unreadableSpecification(job: job.id.rawValue, reason: "\(error)")
        }
    }

    public var specification: String {
        get throws { String(decoding: try JSONEncoder.stable.encode(self), as: UTF8.self) }
    }

    /// The row that asks about one image.
    /// - Parameters:
    ///   - path: what the prompt calls the image.
    ///   - key: the row's; nil for the path, where no two images have the same.
    public func request(
        about image: ImageReference, named path: String, key: String? = nil
    ) throws -> NewRequest {
        var recipe = try Recipe(prompt: prompt)
        recipe.system = system
        recipe.sampling = sampling
        recipe.maxTiles = maxTiles
        let work = recipe.work(about: image, named: path)
        return NewRequest(
            key: key ?? path, payload: String(decoding: try JSONEncoder.stable.encode(work), as: UTF8.self),
            blobs: work.blobs)
    }
}
