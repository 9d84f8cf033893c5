import FoundationEssentials
import Hummingbird
import Jobs
import Logging
import Models

/// `/v1/batches`: files of requests, answered as jobs of the queue.
struct BatchRoutes: Sendable {
    let store: JobStore
    let processor: BatchProcessor
    let configuration: ServerConfiguration
    let bodies: BodyBudget

    private static let longestPage = 100
    private static let longestBody = 1 << 20
    private static let window = "24h"

    func add(to router: some RouterMethods<APIContext>) {
        router.post("v1/batches", use: create)
        router.get("v1/batches", use: list)
        router.get("v1/batches/:id") { _, context in
            let id = try id(context)
            guard let batch = try await store.batch(id) else { throw Self.unknown(id) }
            return Response(json: BatchObject(batch: batch).json)
        }
        router.post("v1/batches/:id/cancel", use: cancel)
    }

    @Sendable private func create(_ request: Request, context: APIContext) async throws -> Response {
        let body = try await request.jsonBody(upTo: Self.longestBody, counting: bodies.share(), context: context)
        let fields = try JSONFields(JSONValue(body: body), path: "body")
        let new = try newBatch(fields)
        guard let file = try await store.file(new.inputFile) else { throw Self.unknown(new.inputFile) }
        guard file.purpose == FilePurpose.batch else {
            throw APIError.badRequest(
                "The file was uploaded for \(file.purpose); a batch needs one with the purpose batch.",
                param: "input_file_id")
        }
        // Deleted in between?
        guard let batch = try await store.create(new) else { throw Self.unknown(new.inputFile) }
        context.logger.debug("batch accepted", metadata: ["batch": "\(batch.id)", "bytes": "\(file.bytes)"])
        processor.poke()
        return Response(json: BatchObject(batch: batch).json)
    }

    private func newBatch(_ fields: JSONFields) throws(APIError) -> NewBatch {
        func required(_ name: String) throws(APIError) -> String {
            guard let text = try fields.string(name), !text.isEmpty else {
                throw .malformed("body.\(name) is missing", param: name)
            }
            return text
        }
        let file = try required("input_file_id")
        let endpoint = try required("endpoint")
        guard endpoint == BatchProcessor.endpoint else {
            throw .badRequest("endpoint must be \(BatchProcessor.endpoint)", param: "endpoint")
        }
        guard try required("completion_window") == Self.window else {
            throw .badRequest("completion_window must be \(Self.window)", param: "completion_window")
        }
        var batch = NewBatch(
            inputFile: FileID(rawValue: file), endpoint: endpoint, completionWindow: Self.window,
            window: configuration.batchWindow)
        batch.metadata = try BatchMetadata.text(fields)
        if let lifetime = try fields.fields("output_expires_after") {
            batch.outputLifetime = try FileLifetime.parse(
                anchor: try lifetime.string("anchor"), seconds: try lifetime.integer("seconds"),
                param: "output_expires_after")
        }
        return batch
    }

    @Sendable private func list(_ request: Request, context: APIContext) async throws -> Response {
        let limit = try request.queryInteger("limit", in: 1...Self.longestPage, default: 20)
        let after = try request.queryText("after").map { text throws(APIError) in
            guard text.hasPrefix("batch_") else {
                throw .badRequest("after must be the id of a batch", param: "after")
            }
            return BatchID(rawValue: text)
        }
        let batches = try await store.batches(limit: limit + 1, after: after)
        let page = ListPage(batches, limit: limit) { ($0.id.rawValue, BatchObject(batch: $0).json) }
        return Response(json: page.json)
    }

    /// Takes no body, whatever Content-Type says. A batch that is being cancelled already is answered as it is.
    @Sendable private func cancel(_ request: Request, context: APIContext) async throws -> Response {
        let id = try id(context)
        guard let batch = try await store.cancelBatch(id) else { throw Self.unknown(id) }
        guard !batch.status.isFinal else {
            throw APIError.badRequest("The batch is \(batch.status.rawValue) and cannot be cancelled.", param: "id")
        }
        if let job = batch.job { _ = try await store.cancel(job) }
        processor.poke()
        return Response(json: BatchObject(batch: batch).json)
    }

    private func id(_ context: APIContext) throws -> BatchID {
        BatchID(rawValue: try context.parameters.require("id"))
    }

    private static func unknown(_ file: FileID) -> APIError {
        .badRequest("There is no file \(file.rawValue.prefix(100)).", param: "input_file_id")
    }

    private static func unknown(_ id: BatchID) -> APIError {
        .notFound("There is no batch \(id.rawValue.prefix(100)).", param: "id")
    }
}

/// A client's notes on its batch: a few short texts, kept as JSON.
enum BatchMetadata {
    static let mostPairs = 16
    static let longestKey = 64
    static let longestValue = 512

    static func text(_ fields: JSONFields) throws(APIError) -> String? {
        guard let node = fields["metadata"] else { return nil }
        guard case .object(let members) = node else {
            throw .badRequest("metadata must be an object, not \(node.kind)", param: "metadata")
        }
        guard members.count <= mostPairs else {
            throw .badRequest(
                "metadata has \(members.count) pairs; at most \(mostPairs) are possible", param: "metadata")
        }
        var pairs: [JSONNode.Member] = []
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            guard case .string(let text) = value else {
                throw .badRequest("metadata's values must be strings, not \(value.kind)", param: "metadata")
            }
            guard key.count <= longestKey, text.count <= longestValue else {
                throw .badRequest(
                    "metadata's keys may have \(longestKey) characters, its values \(longestValue)", param: "metadata")
            }
            pairs.append(.init(key: key, value: .string(text)))
        }
        return JSONNode.object(pairs).text
    }
}
