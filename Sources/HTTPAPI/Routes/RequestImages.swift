import FoundationEssentials
import Hummingbird
import Jobs
import Models
import NIOCore
import Workers

/// The picture that a stored request is about, for people who look at what was said of it.
///
/// Only what this server keeps or was told to show: bytes that came with the request, and files inside the allowed roots.
/// What is at an address is not fetched again.
struct RequestImages: Sendable {
    let blobs: BlobStore
    let roots: AllowedRoots
    private let pool = BlockingPool(threads: 2)

    init(blobs: BlobStore, roots: AllowedRoots) {
        self.blobs = blobs
        self.roots = roots
    }

    /// Larger pictures are not shown.
    static let mostBytes = 32 << 20

    func response(to request: StoredRequest) async throws -> Response {
        let work = try? JSONDecoder().decode(ChatWork.self, from: Data(request.payload.utf8))
        guard let reference = work?.images.first else { throw Self.missing("The request has no image.") }
        let bytes = try await bytes(of: reference)
        guard let format = ImageFormat(sniffing: bytes) else {
            throw Self.missing("The request's image is in no format that is shown.")
        }
        var headers: HTTPFields = [.contentType: format.mediaType, .cacheControl: "private, max-age=3600"]
        headers[.xContentTypeOptions] = "nosniff"
        headers[.contentSecurityPolicy] = "default-src 'none'; sandbox"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private func bytes(of reference: ImageReference) async throws -> [UInt8] {
        switch reference {
        case .blob(let id):
            let bytes = try await blobs.bytes(of: id)
            guard bytes.count <= Self.mostBytes else { throw Self.missing("The request's image is too large to show.") }
            return bytes
        case .file(let path):
            let roots = roots
            return try await pool.run {
                // Where the path leads is asked now: a link may have been put there since the walk.
                guard let real = roots.resolve(path) else { throw Self.missing("The request's image is not shown.") }
                var limits = ImageLimits()
                limits.maxBytes = Self.mostBytes
                do { return try ImageFile.contents(of: real, limits: limits) } catch {
                    throw Self.missing("The request's image cannot be read any more, or is too large to show.")
                }
            }
        case .url: throw Self.missing("The request's image is at an address, and is not kept.")
        }
    }

    private static func missing(_ message: String) -> APIError { .notFound(message, param: "request") }
}

extension ImageFormat {
    /// RFC 6838's name.
    var mediaType: String {
        switch self {
        case .jpeg: "image/jpeg"
        case .png: "image/png"
        case .webp: "image/webp"
        case .gif: "image/gif"
        case .tiff: "image/tiff"
        case .bmp: "image/bmp"
        case .heic: "image/heic"
        case .avif: "image/avif"
        }
    }
}
