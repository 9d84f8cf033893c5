import Hummingbird
import Jobs
import NIOCore

/// The form of a file upload, read as it comes: the file goes to the disk, small fields stay here.
struct FileUpload {
    /// How long a form's field may be that is no file.
    private static let longestField = 1024

    struct Content: Sendable {
        let filename: String
        let blob: BlobID
        let bytes: Int
    }

    private(set) var fields: [String: String] = [:]
    private(set) var file: Content?

    /// - Parameters:
    ///   - share: holds no more than the piece of the body that is being looked at.
    ///   - check: looks at the fields that came before the file, so that what is wrong with them is told before its bytes.
    init(
        _ request: Request, into blobs: BlobStore, upTo limit: Int, counting share: BodyBudget.Share,
        context: APIContext, check: ([String: String]) throws(APIError) -> Void
    ) async throws {
        var parser = try MultipartParser(contentType: request.headers[.contentType] ?? "")
        // The form around the file is small.
        let length = request.headers[.contentLength].flatMap(Int.init) ?? 0
        guard length <= limit + (1 << 20) else { throw APIError.fileTooLarge(limit: limit) }
        if request.headers[.expect] != nil { context.askForBody() }
        var part: Part?
        for try await piece in request.body {
            try share.take(piece.readableBytes)
            for event in try parser.parse(Array(piece.readableBytesView)) {
                switch event {
                case .begin(let head): part = try await begin(head, blobs, check)
                case .content(let bytes): try await part?.take(bytes, limit: limit)
                case .end:
                    try await end(part)
                    part = nil
                }
            }
            share.giveBack()
        }
        try parser.finish()
        try check(fields)
    }

    /// The part that is being read.
    private struct Part {
        let head: PartHead
        var value: [UInt8] = []
        let writer: BlobWriter?

        mutating func take(_ bytes: [UInt8], limit: Int) async throws {
            guard let writer else {
                value += bytes
                guard value.count <= FileUpload.longestField else {
                    throw APIError.badRequest(
                        "\(head.name) has more than \(FileUpload.longestField) bytes", param: head.name)
                }
                return
            }
            guard writer.size + bytes.count <= limit else { throw APIError.fileTooLarge(limit: limit) }
            try await writer.write(bytes)
        }
    }

    private func begin(
        _ head: PartHead, _ blobs: BlobStore, _ check: ([String: String]) throws(APIError) -> Void
    ) async throws -> Part {
        guard head.name == "file" else { return Part(head: head, writer: nil) }
        guard head.filename != nil else {
            throw APIError.badRequest("file must be a file with a name, not a field", param: "file")
        }
        guard file == nil else { throw APIError.badRequest("only one file can be uploaded at a time", param: "file") }
        if fields["purpose"] != nil { try check(fields) }
        return Part(head: head, writer: try await blobs.writer())
    }

    private mutating func end(_ part: Part?) async throws {
        guard let part else { return }
        if let writer = part.writer, let filename = part.head.filename {
            guard writer.size > 0 else { throw APIError.badRequest("The file is empty.", param: "file") }
            let (blob, bytes) = try await writer.finish()
            file = Content(filename: filename, blob: blob, bytes: bytes)
            return
        }
        guard let value = String(validating: part.value, as: UTF8.self) else {
            throw APIError.badRequest("\(part.head.name) is not UTF-8", param: part.head.name)
        }
        guard fields.updateValue(value, forKey: part.head.name) == nil else {
            throw APIError.badRequest("\(part.head.name) is given twice", param: part.head.name)
        }
    }
}

extension APIError {
    static func fileTooLarge(limit: Int) -> APIError {
        APIError(
            .contentTooLarge, type: "Content Too Large", "The file is larger than this server accepts: \(limit) bytes.",
            param: "file")
    }
}
