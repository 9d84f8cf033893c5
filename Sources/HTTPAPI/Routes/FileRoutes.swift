import Hummingbird
import Jobs
import Logging
import NIOCore

/// `/v1/files`: what batches read and what they make. Bytes stream in and out; none of these routes has a file in memory.
struct FileRoutes: Sendable {
    let store: JobStore
    let configuration: ServerConfiguration
    let bodies: BodyBudget

    private static let longestPage = 10_000
    private static let chunk = 256 << 10

    func add(to router: some RouterMethods<APIContext>) {
        router.post("v1/files", use: upload)
        router.get("v1/files", use: list)
        router.get("v1/files/:id") { _, context in Response(json: FileObject(file: try await known(context)).json) }
        router.delete("v1/files/:id", use: delete)
        router.get("v1/files/:id/content", use: content)
    }

    @Sendable private func upload(_ request: Request, context: APIContext) async throws -> Response {
        let upload = try await FileUpload(
            request, into: store.blobs, upTo: configuration.maxFileBytes, counting: bodies.share(), context: context
        ) { fields throws(APIError) in
            let purpose = fields["purpose"]
            guard let purpose, FilePurpose.uploaded.contains(purpose) else {
                throw .badRequest(
                    "purpose must be one of \(FilePurpose.uploaded.joined(separator: ", "))", param: "purpose")
            }
            _ = try Self.lifetime(fields)
        }
        guard let content = upload.file else { throw APIError.badRequest("file is missing", param: "file") }
        let purpose = upload.fields["purpose"] ?? FilePurpose.batch
        let file = try await store.add(
            NewFile(
                blob: content.blob, bytes: content.bytes, purpose: purpose, filename: content.filename,
                lifetime: try Self.lifetime(upload.fields) ?? FilePurpose.lifetime(of: purpose)))
        context.logger.debug("file stored", metadata: ["file": "\(file.id.rawValue)", "bytes": "\(file.bytes)"])
        return Response(json: FileObject(file: file).json)
    }

    private static func lifetime(_ fields: [String: String]) throws(APIError) -> Duration? {
        let (anchor, seconds) = (fields["expires_after[anchor]"], fields["expires_after[seconds]"])
        guard anchor != nil || seconds != nil else { return nil }
        return try FileLifetime.parse(anchor: anchor, seconds: seconds.flatMap(Int.init), param: "expires_after")
    }

    @Sendable private func list(_ request: Request, context: APIContext) async throws -> Response {
        let limit = try request.queryInteger("limit", in: 1...Self.longestPage, default: Self.longestPage)
        let order = request.queryText("order") ?? "desc"
        guard ["asc", "desc"].contains(order) else {
            throw APIError.badRequest("order must be asc or desc", param: "order")
        }
        let after = try request.queryText("after").map { text throws(APIError) in
            guard text.hasPrefix("file-") else {
                throw .badRequest("after must be the id of a file", param: "after")
            }
            return FileID(rawValue: text)
        }
        let files = try await store.files(
            purpose: request.queryText("purpose"), after: after, oldestFirst: order == "asc", limit: limit + 1)
        let page = ListPage(files, limit: limit) { ($0.id.rawValue, FileObject(file: $0).json) }
        return Response(json: page.json)
    }

    @Sendable private func delete(_ request: Request, context: APIContext) async throws -> Response {
        let id = try context.parameters.require("id")
        guard try await store.removeFile(FileID(rawValue: id)) else { throw Self.unknown(id) }
        return Response(json: ["id": .string(id), "object": "file", "deleted": true])
    }

    /// The bytes as they came, whatever `Accept` says: there is nothing else to give.
    @Sendable private func content(_ request: Request, context: APIContext) async throws -> Response {
        let file = try await known(context)
        let reader = try await store.blobs.reader(of: file.blob, bytes: file.bytes)
        let body = ResponseBody(contentLength: file.bytes) { writer in
            var offset = 0
            while offset < file.bytes {
                let bytes = try await reader.bytes(at: offset, count: Self.chunk)
                // Shorter than it was announced: the connection must not look as if it were whole.
                guard !bytes.isEmpty else { throw ClientGone() }
                try await writer.write(ByteBuffer(bytes: bytes))
                offset += bytes.count
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/octet-stream"], body: body)
    }

    private func known(_ context: APIContext) async throws -> StoredFile {
        let id = try context.parameters.require("id")
        guard let file = try await store.file(FileID(rawValue: id)) else { throw Self.unknown(id) }
        return file
    }

    private static func unknown(_ id: String) -> APIError {
        .notFound("There is no file \(id.prefix(100)).", param: "id")
    }
}
