import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Jobs
import Testing

@testable import HTTPAPI

/// `/v1/files` as openai-python uses it (conformance F1 to F5, B12).
@Suite struct FileRouteTests {
    @Test func `an uploaded file keeps its bytes and its name`() async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let text = "{\"ä\":1}\r\n\0\n"
            let created = try await client.post(
                form: Form.upload(text, named: "日本 \\\"x\\\".jsonl", [("purpose", "batch")]))
            #expect(created.status == .ok)
            let file = try created.json()
            let id = try #require(file["id"] as? String)
            #expect(id.hasPrefix("file-") && file["object"] as? String == "file")
            #expect(file["bytes"] as? Int == text.utf8.count && file["filename"] as? String == "日本 \"x\".jsonl")
            #expect(file["purpose"] as? String == "batch" && file["status"] as? String == "processed")
            let made = try #require(file["created_at"] as? Int)
            #expect(file["expires_at"] as? Int == made + 30 * 24 * 3600)
            #expect(try await client.get("/v1/files/\(id)").text == created.text)
            let content = try await client.get("/v1/files/\(id)/content", headers: [.accept: "application/binary"])
            #expect(content.text == text && content.headers[.contentLength] == "\(text.utf8.count)")

            let deleted = try await client.execute(
                uri: "/v1/files/\(id)", method: .delete, headers: [.contentType: "application/json"]
            ) { $0 }
            #expect(deleted.text == #"{"id":"\#(id)","object":"file","deleted":true}"#)
            for path in ["", "/content"] { #expect(try await client.get("/v1/files/\(id)\(path)").status == .notFound) }
            #expect(try await client.execute(uri: "/v1/files/\(id)", method: .delete) { $0 }.status == .notFound)
        }
    }

    @Test func `a file lives as long as its client says`() async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let fields = [
                ("purpose", "user_data"), ("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600"),
            ]
            let file = try await client.post(form: Form.upload("x", fields)).json()
            let created = try #require(file["created_at"] as? Int)
            #expect(file["expires_at"] as? Int == created + 3600)
            let other = try await client.post(form: Form.upload("x", [("purpose", "vision")])).json()
            #expect(other["expires_at"] is NSNull)
        }
    }

    private static let bad: [(name: String, form: [UInt8], param: String?)] = {
        var noFile = Form()
        noFile.add("purpose", "batch")
        var field = noFile
        field.add("file", "text")
        var two = noFile
        two.add(file: [1], named: "a")
        two.add(file: [1], named: "b")
        var twice = noFile
        twice.add("purpose", "batch")
        var long = noFile
        long.add("note", String(repeating: "x", count: 2000))
        func expiring(_ anchor: String, _ seconds: String) -> [UInt8] {
            Form.upload(
                "x",
                [("purpose", "batch"), ("expires_after[anchor]", anchor), ("expires_after[seconds]", seconds)])
        }
        return [
            ("no file", noFile.ended, "file"), ("no purpose", Form.upload("x", []), "purpose"),
            ("bad purpose", Form.upload("x", [("purpose", "nonsense")]), "purpose"),
            ("our purpose", Form.upload("x", [("purpose", "batch_output")]), "purpose"),
            ("no bytes", Form.upload("", [("purpose", "batch")]), "file"), ("a field", field.ended, "file"),
            ("two files", two.ended, "file"), ("purpose twice", twice.ended, "purpose"),
            ("long field", long.ended, "note"), ("early", expiring("created_at", "3599"), "expires_after"),
            ("late", expiring("created_at", "2592001"), "expires_after"),
            ("soon", expiring("created_at", "soon"), "expires_after"),
            ("anchor", expiring("last_active_at", "3600"), "expires_after"),
            ("cut off", Array(Form.upload("x", [("purpose", "batch")]).dropLast(6)), nil), ("empty", [], nil),
        ]
    }()

    @Test(arguments: bad.indices)
    func `a form that is not an upload is 400, and nothing of it stays`(index: Int) async throws {
        let (name, form, param) = Self.bad[index]
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            let response = try await client.post(form: form)
            #expect(response.status == .badRequest, "\(name): \(response.text)")
            #expect(try response.error()["param"] as? String == param, "\(name)")
            #expect(try await client.get("/v1/files").json()["data"] as? [String] == [])
            let incoming = service.store.path + ".blobs/incoming"
            #expect(try FileManager.default.contentsOfDirectory(atPath: incoming).isEmpty)
        }
    }

    @Test func `a file over the limit is 413 and not kept, and the budget of bodies does not bound files`() async throws
    {
        let service = try TestService(ScriptedGenerator(["never"])) {
            $0.maxFileBytes = 600_000
            $0.maxBufferedBodyBytes = 200_000
        }
        try await service.serve(.live) { client in
            let most = String(repeating: "x", count: 600_000)
            _ = try await client.upload(most)
            for extra in ["x", String(repeating: "x", count: 1_500_000)] {
                let refused = try await client.post(form: Form.upload(most + extra, [("purpose", "batch")]))
                #expect(refused.status == .contentTooLarge)
                #expect(try refused.error()["param"] as? String == "file")
            }
            #expect((try await client.get("/v1/files").json()["data"] as? [Any])?.count == 1)
        }
    }

    @Test func `an upload that is cut off anywhere leaves nothing, and the server goes on`() async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let form = Form.upload(String(repeating: "x", count: 300_000), [("purpose", "batch")])
            let head =
                "POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: \(form.count)\r\n"
                + "Content-Type: multipart/form-data; boundary=\(Form.boundary)\r\n\r\n"
            for percent in 0..<100 {
                try await blocking {
                    let socket = try Socket.connect(port: port)
                    let part = String(decoding: form.prefix(form.count * percent / 100), as: UTF8.self)
                    _ = Socket.write(head + part, to: socket)
                    close(socket)
                }
            }
            // Not over the client's own connection, which a busy machine may have let time out.
            let answer = try await blocking {
                let socket = try Socket.connect(port: port)
                defer { close(socket) }
                _ = Socket.write(head + String(decoding: form, as: UTF8.self), to: socket)
                return Socket.read(socket, until: #""status_details":null}"#)
            }
            let files = try await service.store.files(limit: 9)
            #expect(files.count == 1 && answer.contains(#""id":"\#(files[0].id.rawValue)""#))
            let incoming = service.store.path + ".blobs/incoming"
            while try !FileManager.default.contentsOfDirectory(atPath: incoming).isEmpty {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    @Test func `every file is on one page, whatever comes meanwhile`() async throws {
        let service = try TestService(ScriptedGenerator(["never"]))
        try await service.serve { client in
            var made: [String] = []
            for number in 0..<25 {
                made.append(try await client.upload("\(number)", purpose: number % 2 == 0 ? "batch" : "vision"))
            }
            for (order, expected) in [("desc", made.reversed()), ("asc", made)] {
                var seen: [String] = []
                var hasMore = true
                while hasMore {
                    let after = seen.last.map { "&after=\($0)" } ?? ""
                    let page = try await client.get("/v1/files?limit=4&order=\(order)\(after)").json()
                    let ids = (page["data"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
                    #expect(page["first_id"] as? String == ids.first && page["last_id"] as? String == ids.last)
                    seen += ids
                    hasMore = page["has_more"] as? Bool == true
                    if order == "desc" { _ = try await client.upload("new") }
                }
                #expect(Array(seen.prefix(25)) == expected)
            }
            let vision = try await client.get("/v1/files?purpose=vision").json()["data"] as? [Any]
            #expect(vision?.count == 12)
            #expect(
                try await client.get("/v1/files?purpose=evals").text
                    == #"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}"#)
            for query in ["limit=0", "limit=10001", "limit=x", "order=up", "after=x"] {
                #expect(try await client.get("/v1/files?\(query)").status == .badRequest, "\(query)")
            }
        }
    }

    @Test func `files are behind the key like everything else`() async throws {
        let service = try TestService(ScriptedGenerator(["never"])) { $0.apiKeys = ["k"] }
        try await service.serve { client in
            for path in ["/v1/files", "/v1/batches"] {
                let (anonymous, known) = (
                    try await client.get(path), try await client.get(path, headers: [.authorization: "Bearer k"])
                )
                #expect(anonymous.status == .unauthorized && known.status == .ok)
            }
        }
    }
}
