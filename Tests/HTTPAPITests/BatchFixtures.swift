import Foundation
import Hummingbird
import HummingbirdTesting
import Jobs
import Testing

@testable import HTTPAPI

/// A form as clients send it.
struct Form {
    static let boundary = "form-boundary-8f1"
    private(set) var body: [UInt8] = []

    mutating func add(_ name: String, _ value: String) { add("name=\"\(name)\"", Array(value.utf8)) }

    mutating func add(file: [UInt8], named name: String) { add("name=\"file\"; filename=\"\(name)\"", file) }

    private mutating func add(_ parameters: String, _ content: [UInt8]) {
        body += Array("--\(Self.boundary)\r\nContent-Disposition: form-data; \(parameters)\r\n\r\n".utf8) + content
        body += Array("\r\n".utf8)
    }

    var ended: [UInt8] { body + Array("--\(Self.boundary)--\r\n".utf8) }

    static func upload(_ file: String, named name: String = "in.jsonl", _ fields: [(String, String)]) -> [UInt8] {
        var form = Form()
        for (name, value) in fields { form.add(name, value) }
        form.add(file: Array(file.utf8), named: name)
        return form.ended
    }
}

extension TestClientProtocol {
    func post(form: [UInt8]) async throws -> TestResponse {
        try await execute(
            uri: "/v1/files", method: .post,
            headers: [.contentType: "multipart/form-data; boundary=\(Form.boundary)"], body: ByteBuffer(bytes: form)
        ) { $0 }
    }

    /// The id of the file.
    func upload(_ text: String, purpose: String = "batch") async throws -> String {
        let response = try await post(form: Form.upload(text, [("purpose", purpose)]))
        #expect(response.status == .ok, "\(response.text)")
        return try #require(try response.json()["id"] as? String)
    }

    func createBatch(_ file: String, _ fields: String = "") async throws -> TestResponse {
        try await post(
            "/v1/batches",
            #"{"input_file_id":"\#(file)","endpoint":"/v1/chat/completions","completion_window":"24h"\#(fields)}"#)
    }

    func batch(_ id: String) async throws -> BatchView { try BatchView(try await get("/v1/batches/\(id)").json()) }

    /// Makes a batch of these lines and waits for its end.
    func finishedBatch(_ lines: [String], _ fields: String = "") async throws -> BatchView {
        let file = try await upload(lines.joined(separator: "\n"))
        let created = try BatchView(try await createBatch(file, fields).json())
        #expect(created.status == "validating")
        return try await batch(created.id) { $0.isFinal }
    }

    /// The batch as soon as `condition` holds of it.
    func batch(_ id: String, once condition: (BatchView) -> Bool) async throws -> BatchView {
        while true {
            let batch = try await batch(id)
            if condition(batch) { return batch }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// The lines of a file, by custom_id; each of them once.
    func lines(of file: String?) async throws -> [String: [String: Any]] {
        guard let file else { return [:] }
        let response = try await get("/v1/files/\(file)/content")
        #expect(response.status == .ok)
        var lines: [String: [String: Any]] = [:]
        for line in response.text.split(separator: "\n") {
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let fields = try #require(value)
            #expect(Set(fields.keys) == ["id", "custom_id", "response", "error"])
            let id = try #require(fields["custom_id"] as? String)
            #expect(lines.updateValue(fields, forKey: id) == nil, "\(id) twice")
        }
        return lines
    }
}

/// A batch as a client sees it.
struct BatchView: @unchecked Sendable {
    let fields: [String: Any]
    let id: String
    let status: String

    init(_ fields: [String: Any]) throws {
        self.fields = fields
        id = try #require(fields["id"] as? String, "\(fields)")
        status = try #require(fields["status"] as? String)
    }

    var isFinal: Bool { ["completed", "failed", "expired", "cancelled"].contains(status) }
    var outputFile: String? { fields["output_file_id"] as? String }
    var errorFile: String? { fields["error_file_id"] as? String }

    func count(_ name: String) -> Int { (fields["request_counts"] as? [String: Int])?[name] ?? -1 }

    func moment(_ name: String) -> Int? { fields["\(name)_at"] as? Int }

    /// What was wrong with the file: code, line and message.
    var faults: [[String: Any]] { (fields["errors"] as? [String: Any])?["data"] as? [[String: Any]] ?? [] }

    var codes: [String] { faults.compactMap { $0["code"] as? String } }
}

/// A line of a batch's file.
func batchLine(_ customID: String, _ body: String = #"{"messages":[{"role":"user","content":"What is this?"}]}"#)
    -> String
{
    #"{"custom_id":"\#(customID)","method":"POST","url":"/v1/chat/completions","body":\#(body)}"#
}
