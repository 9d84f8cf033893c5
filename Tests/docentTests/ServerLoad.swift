import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// Clients of one server, who note what it acknowledges: questions on open connections, questions to be polled for,
/// cancellations, pauses, and files.
final class ServerLoad: Sendable {
    struct Acknowledged: Sendable {
        /// Jobs that were answered with 202.
        var accepted: Set<String> = []
        var cancelled: Set<String> = []
        /// The text of each answer, by the label of its job.
        var answers: [String: String] = [:]
        /// The content of each file, by its id.
        var files: [String: String] = [:]
        /// Calls that were answered with 503, as those are that come while a server drains.
        var refused = 0

        var hasEveryKind: Bool {
            !accepted.isEmpty && !cancelled.isEmpty && !answers.isEmpty && !files.isEmpty
        }
    }

    private let notes = Mutex(Acknowledged())
    var acknowledged: Acknowledged { notes.withLock { $0 } }

    /// Asks until it is cancelled or the server is gone.
    func run(at url: String) async {
        await withTaskGroup(of: Void.self) { group in
            for client in 0..<2 { group.addTask { await self.repeatedly { try await self.ask(url, client) } } }
            group.addTask { await self.repeatedly(atMost: 8) { try await self.enqueue(url) } }
            group.addTask { await self.repeatedly(atMost: 8) { try await self.upload(url) } }
            await group.waitForAll()
        }
    }

    private func repeatedly(atMost limit: Int = .max, _ deed: () async throws -> Void) async {
        for _ in 0..<limit {
            guard !Task.isCancelled, (try? await deed()) != nil else { return }
        }
    }

    private func ask(_ url: String, _ client: Int) async throws {
        let body = try await post(url + "/v1/chat/completions", Self.question("Hello from \(client)."))
        struct Completion: Decodable {
            let id: String
            let choices: [Choice]

            struct Choice: Decodable { let message: Message }
            struct Message: Decodable { let content: String }
        }
        let completion = try JSONDecoder().decode(Completion.self, from: body)
        notes.withLock { $0.answers["chat completion \(completion.id)"] = completion.choices.first?.message.content }
    }

    /// Stores three jobs, cancels one of them and pauses another.
    private func enqueue(_ url: String) async throws {
        var ids: [String] = []
        for number in 0..<3 {
            let body = try await post(
                url + "/v1/chat/completions", Self.question("Later, \(number)."), ["Prefer": "respond-async"])
            let id = try JSONDecoder().decode(Status.self, from: body).id
            notes.withLock { _ = $0.accepted.insert(id) }
            ids.append(id)
        }
        let cancelled = try JSONDecoder().decode(
            Status.self, from: try await post(url + "/v1/jobs/\(ids[0])/cancel", ""))
        if cancelled.status == "cancelled" { notes.withLock { _ = $0.cancelled.insert(cancelled.id) } }
        _ = try await post(url + "/v1/jobs/\(ids[1])/pause", "")
    }

    private func upload(_ url: String) async throws {
        let content = "{\"custom_id\":\"\(UUID().uuidString)\"}\n"
        let parts = """
            --b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n\
            --b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n\(content)\r\n--b--\r\n
            """
        let body = try await post(
            url + "/v1/files", parts, ["Content-Type": "multipart/form-data; boundary=b"])
        let id = try JSONDecoder().decode(Status.self, from: body).id
        notes.withLock { $0.files[id] = content }
    }

    private struct Status: Decodable {
        let id: String
        let status: String
    }

    private static func question(_ text: String) -> String {
        #"{"max_tokens":4,"temperature":0,"messages":[{"role":"user","content":"\#(text)"}]}"#
    }

    private struct Refused: Error {}

    private func post(_ url: String, _ body: String, _ headers: [String: String] = [:]) async throws -> Data {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: headers["Content-Type"] ?? "application/json")
        if let preference = headers["Prefer"] { request.headers.add(name: "Prefer", value: preference) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        if response.status == .serviceUnavailable { notes.withLock { $0.refused += 1 } }
        guard response.status.code < 300 else { throw Refused() }
        return Data(try await response.body.collect(upTo: 1 << 20).readableBytesView)
    }

    /// The content of a file, as a server has it.
    func content(of file: String, at url: String) async throws -> String {
        let request = HTTPClientRequest(url: url + "/v1/files/\(file)/content")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        guard response.status == .ok else { throw Refused() }
        return String(buffer: try await response.body.collect(upTo: 1 << 20))
    }
}
