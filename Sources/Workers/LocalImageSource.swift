public import Jobs
import Models

/// Files and blobs of this machine; refuses addresses.
public struct LocalImageSource: ImageSource {
    private let blobs: BlobStore
    private let limits: ImageLimits

    public init(blobs: BlobStore, maxBytes: Int) {
        self.blobs = blobs
        var limits = ImageLimits()
        limits.maxBytes = maxBytes
        self.limits = limits
    }

    public func bytes(of reference: ImageReference) async throws -> [UInt8] {
        switch reference {
        case .file(let path):
            do { return try ImageFile.contents(of: path, limits: limits) } catch { throw RequestFailure(cause: error) }
        case .blob(let id):
            // Uploaded files are blobs too, and may be larger than any image.
            let size = try await blobs.reader(of: id).size
            do { try limits.check(byteCount: size, name: "the image") } catch { throw RequestFailure(cause: error) }
            return try await blobs.bytes(of: id)
        case .url(let address):
            throw RequestFailure(
                code: "url_not_allowed", message: "\(address) is an address, and only local images are read here",
                isRetryable: false)
        }
    }
}
