import Foundation
import Jobs
import Testing

@testable import docent

/// `docent batch`: a file of requests without a server, and batches of a server that is killed.
@Suite(.serialized)
struct BatchCommandTests {
    private func line(_ id: String, _ fields: String = "") -> String {
        #"{"custom_id":"\#(id)","method":"POST","url":"/v1/chat/completions","body":{"max_tokens":12,"#
            + #""ignore_eos":true,"temperature":0,"messages":[{"role":"user","content":"Say \#(id)."}]\#(fields)}}"#
    }

    private func lines(_ docent: DocentProcess, _ name: String) throws -> [String: [String: Any]] {
        var found: [String: [String: Any]] = [:]
        for line in (docent.text(name) ?? "").split(separator: "\n") {
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let id = try #require(value?["custom_id"] as? String)
            #expect(found.updateValue(value ?? [:], forKey: id) == nil, "\(id) twice")
        }
        return found
    }

    private func write(_ lines: [String], _ docent: DocentProcess, _ name: String = "in.jsonl") throws -> String {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: docent.path(name)))
        return docent.path(name)
    }

    @Test(.timeLimit(.minutes(10)))
    func `a file of requests is answered once, and what failed is told beside`() async throws {
        let docent = try DocentProcess()
        let good = try write((0..<4).map { line("r\($0)") }, docent)
        let first = try await docent.run("batch", good)
        #expect(first.status == 0, "\(first.errors)")
        let answers = try lines(docent, "in.output.jsonl")
        #expect(Set(answers.keys) == ["r0", "r1", "r2", "r3"] && docent.text("in.output.errors.jsonl") == nil)
        let body = (answers["r0"]?["response"] as? [String: Any])?["body"] as? [String: Any]
        #expect(body?["object"] as? String == "chat.completion" && body?["model"] as? String == "docent-mini")
        let again = try await docent.run("batch", good, "--output", docent.path("again.jsonl"))
        #expect(again.status == 3, "\(again.errors)")
        #expect(docent.text("again.jsonl") == docent.text("in.output.jsonl"))

        let mixed = try write([line("a"), line("b", #","top_p":9"#)], docent, "mixed.jsonl")
        for _ in 0..<2 {
            let ended = try await docent.run("batch", mixed)
            #expect(ended.status == 2, "\(ended.errors)")
            #expect(Set(try lines(docent, "mixed.output.jsonl").keys) == ["a"])
            let refused = try lines(docent, "mixed.output.errors.jsonl")["b"]?["response"] as? [String: Any]
            #expect(refused?["status_code"] as? Int == 400)
        }
        let bad = try write([line("a"), "{", line("a")], docent, "bad.jsonl")
        let ended = try await docent.run("batch", bad)
        #expect(ended.status == 1 && docent.text("bad.output.jsonl") == nil)
        #expect(
            ended.errors.contains("line 2: invalid_json_line") && ended.errors.contains("line 3: duplicate_custom_id"))
        for arguments in [
            ["batch"], ["batch", docent.path("none")], ["batch", good, "--output", docent.path("a.txt")],
        ] {
            #expect(try await docent.start(arguments).ended().status == 64)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a run that is killed goes on with the same command, and one that a server would disturb is refused`()
        async throws
    {
        let docent = try DocentProcess()
        // Enough that a busy machine notices the tenth before the last is done.
        let keys = (0..<240).map { "r\($0)" }
        let file = try write(keys.map { line($0) }, docent)
        var kills = 0
        while kills < 2 {
            let running = try docent.start(["batch", file, "--threads", "1"])
            try await Self.kill(running, once: 10 * (kills + 1), in: docent)
            #expect(await running.ended().status == 128 + SIGKILL)
            #expect(docent.text("in.output.jsonl") == nil)
            kills += 1
        }
        #expect(kills == 2)
        let (server, url) = try await docent.startServer()
        let refused = try await docent.run("batch", file)
        #expect(refused.status == 1 && refused.errors.contains(url), "\(refused.errors)")
        server.send(SIGTERM)
        _ = await server.ended()
        let last = try await docent.run("batch", file)
        // The server answers what waits in its queue, so there may be nothing left.
        #expect([0, 3].contains(last.status), "\(last.errors)")
        #expect(Set(try lines(docent, "in.output.jsonl").keys) == Set(keys))
    }

    @Test(.timeLimit(.minutes(20)))
    func `a server that is killed three times during a batch answers every line of it once`() async throws {
        let docent = try DocentProcess()
        let total = 120
        let file = try write((0..<total).map { line("r\($0)") }, docent)
        let id = try await Self.createBatch(of: file, in: docent)
        for percent in [30, 60, 90] {
            let (server, _) = try await docent.startServer(port: 0, "--threads", "1")
            try await Self.kill(server, once: total * percent / 100, in: docent)
            #expect(await server.ended().status == 128 + SIGKILL)
        }
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        let end = try await ServerClient.connected(to: url) { client in
            while true {
                let batch = try await client.get("/v1/batches/\(id)", as: SeenBatch.self)
                if batch.status == "completed" || !server.isRunning { return batch }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        #expect(end.status == "completed" && end.request_counts == ["total": total, "completed": total, "failed": 0])
        server.send(SIGTERM)
        _ = await server.ended()

        let store = try JobStore(path: docent.path("docent.sqlite"))
        let output = try #require(try await store.file(FileID(rawValue: end.output_file_id ?? "")))
        try await store.blobs.export(output.blob, bytes: output.bytes, to: docent.path("out.jsonl"))
        #expect(Set(try lines(docent, "out.jsonl").keys) == Set((0..<total).map { "r\($0)" }))
        let job = try #require(try await store.batch(id)?.job)
        let runs = try await store.requests(of: job, limit: total).reduce(0) { $0 + $1.attempts + $1.crashes }
        #expect(runs <= total + 3 * 16, "only what was in hand when it was killed runs again")
    }

    private struct SeenBatch: Decodable, Sendable {
        let status: String
        let request_counts: [String: Int]
        let output_file_id: String?
    }

    /// Kills a process once it has answered so many requests of its batch, and those that an earlier kill has made suspects:
    /// with another they would rightly be set aside.
    private static func kill(_ running: DocentProcess.Running, once wanted: Int, in docent: DocentProcess) async throws
    {
        let path = docent.path("docent.sqlite")
        _ = try await eventually {
            // It may be about to make the database.
            guard running.isRunning, let reader = try? JobReader(path: path) else { return !running.isRunning }
            for job in try await reader.jobs(limit: 9) where job.counts.succeeded >= wanted {
                let waiting = try await reader.requests(of: job.id, state: .waiting, limit: 1000)
                let running = try await reader.requests(of: job.id, state: .running, limit: 1000)
                return (waiting + running).allSatisfy { $0.crashes == 0 }
            }
            return false
        }
        running.send(SIGKILL)
    }

    private static func createBatch(of file: String, in docent: DocentProcess) async throws -> BatchID {
        let store = try JobStore(path: docent.path("docent.sqlite"))
        let (blob, bytes) = try await store.blobs.take(fileAt: file)
        let stored = try await store.add(NewFile(blob: blob, bytes: bytes, purpose: "batch", filename: "in.jsonl"))
        let new = NewBatch(inputFile: stored.id, endpoint: "/v1/chat/completions", completionWindow: "24h")
        let batch = try #require(try await store.create(new))
        try await store.close()
        return batch.id
    }
}
