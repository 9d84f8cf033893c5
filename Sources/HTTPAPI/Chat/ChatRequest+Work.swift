import Jobs
import Workers

extension ChatRequest {
    /// The request as a row of the queue holds it: inline images are put beside the database first, and the row refers to
    /// them.
    func work(storingImagesIn blobs: BlobStore) async throws -> ChatWork {
        var references: [ImageReference] = []
        for image in images {
            switch image {
            case .inline(let bytes): references.append(.blob(try await blobs.put(bytes)))
            case .remote(let url): references.append(.url(url.text))
            }
        }
        return work(images: references)
    }
}
