import FoundationEssentials
import HTTPTypes
import Jobs
import Workers

/// A line on its way into the queue: a request that kept every rule, or the reason why it will not run.
enum PreparedLine: Sendable {
    case question(customID: String, ChatRequest)
    case refused(customID: String, APIError)

    /// - Throws: when it is not the line that was validated, because the file was damaged since.
    init(_ envelope: BatchEnvelope, rules: ChatRules) throws {
        guard let customID = envelope.customID else { throw DamagedInput(line: envelope.line) }
        do {
            let chat = try ChatRequest(envelope.body, rules: rules)
            guard !chat.stream.isStreamed else {
                throw APIError.badRequest("stream must be false or absent in a batch", param: "stream")
            }
            self = .question(customID: customID, chat)
        } catch {
            self = .refused(customID: customID, APIError(cause: error) ?? .internal)
        }
    }

    /// The line as the queue holds it; images are stored first.
    func stored(in store: JobStore) async throws -> BatchLine {
        switch self {
        case .question(let customID, let chat):
            do {
                let work = try await chat.work(storingImagesIn: store.blobs)
                let payload = String(decoding: try JSONEncoder().encode(work), as: UTF8.self)
                return .request(NewRequest(key: customID, payload: payload, blobs: work.blobs))
            } catch let error as JobStoreError {
                // Of the image; whatever else the disk has to say is everybody's trouble.
                guard case .blobTooLarge = error, let refusal = APIError(cause: error) else { throw error }
                return try Self.refusal(customID, refusal)
            }
        case .refused(let customID, let error): return try Self.refusal(customID, error)
        }
    }

    private static func refusal(_ customID: String, _ error: APIError) throws -> BatchLine {
        let payload = String(decoding: try JSONEncoder().encode(StoredRefusal(error)), as: UTF8.self)
        return .refused(
            key: customID, payload: payload,
            RequestFailure(code: StoredRefusal.code, message: error.message, isRetryable: false))
    }
}

/// The bytes of a batch's input are not those that were uploaded.
struct DamagedInput: Error, CustomStringConvertible {
    let line: Int

    var description: String { "line \(line) of the input is not what it was when it was validated" }
}

/// Why a line was not run: the error that its request would have been answered with. The payload of its row.
struct StoredRefusal: Codable {
    /// The failure's code in the queue.
    static let code = "refused"

    private var status: Int
    private var type: String
    private var message: String
    private var param: String?
    private var docentCode: String?

    init(_ error: APIError) {
        status = error.status.code
        type = error.type
        message = error.message
        param = error.param
        docentCode = error.docentCode
    }

    /// Nil when a row was not refused.
    init?(payload: String) {
        guard let refusal = try? JSONDecoder().decode(Self.self, from: Data(payload.utf8)) else { return nil }
        self = refusal
    }

    var error: APIError {
        var error = APIError(.init(code: status), type: type, message, param: param)
        error.docentCode = docentCode
        return error
    }
}
