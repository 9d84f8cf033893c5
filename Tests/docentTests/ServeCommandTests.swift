import ChildProcess
import Foundation
import Testing

/// A started server, and the commands that hand their work to it.
@Suite(.serialized)
struct ServeCommandTests {
    @Test(.timeLimit(.minutes(10)))
    func `a server that owns the database captions for the command, and stops cleanly`() async throws {
        let docent = try DocentProcess(images: 4)
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }

        let ended = try await docent.run("caption", docent.images, "--output", docent.path("o.jsonl"))
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains(url))
        let rows = try #require(docent.text("o.jsonl")).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        let captions = Dictionary(
            uniqueKeysWithValues: rows.map { ($0["path"] as? String ?? "", $0["caption"] as? String) })
        for index in 0..<4 { #expect(captions[DocentProcess.name(of: index)] == DocentProcess.caption(of: index)) }
        #expect(try await docent.run("caption", docent.images, "--output", docent.path("o.jsonl")).status == 3)

        let listed = try await docent.run("jobs", "list", "--json")
        let jobs = try #require(try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        #expect(jobs.count == 4 && jobs.allSatisfy { $0["status"] as? String == "completed" })
        let id = try #require(jobs.first?["id"] as? String)
        for action in ["show", "watch", "cancel", "pause", "resume", "retry"] {
            let steered = try await docent.run("jobs", action, id, "--server", url)
            #expect(
                steered.status == 0 && steered.output.hasPrefix("\(id)  completed  1/1"), "\(action): \(steered.errors)"
            )
        }
        #expect(try await docent.run("jobs", "show", "job_none").status == 1)

        server.send(SIGTERM)
        let stopped = await server.ended()
        #expect(stopped.status == 0, "\(stopped.errors)")
        #expect(try await docent.run("jobs", "show", id).output.hasPrefix("\(id)  completed"))
    }

    @Test(.timeLimit(.minutes(5)))
    func `a second signal ends a server that still drains`() async throws {
        let docent = try DocentProcess()
        let server = try docent.start(["serve", "--port", "0"], environment: ["DOCENT_LOG_LEVEL": "debug"])
        defer { server.send(SIGKILL) }
        #expect(try await eventually { server.saidOnError.contains(" at http://127.0.0.1:") || !server.isRunning })
        let port = try #require(server.saidOnError.firstMatch(of: /at http:\/\/127\.0\.0\.1:([0-9]+)/)?.output.1)
        // Longer than any patience.
        let body =
            #"{"n":128,"max_tokens":2000,"ignore_eos":true,"temperature":1,"#
            + #""messages":[{"role":"user","content":"a"}]}"#
        let client = try ChildProcess(
            "/bin/bash",
            [
                "-c",
                """
                exec 3<>/dev/tcp/127.0.0.1/\(port) && printf 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\
                Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n%s' '\(body)' >&3 && cat <&3
                """,
            ])
        defer { client.send(SIGKILL) }
        #expect(try await eventually { server.saidOnError.contains("accepted") || !server.isRunning })
        _ = try await eventually {
            server.send(SIGTERM)
            return !server.isRunning
        }
        let ended = await server.ended()
        #expect(ended.status == 128 + SIGTERM, "\(ended.errors)")
    }

    @Test(.timeLimit(.minutes(5)))
    func `a server that is not there is said to be so`() async throws {
        let docent = try DocentProcess(images: 1)
        // Port 9 (discard) is served nowhere.
        let ended = try await docent.run("caption", docent.images, "--server", "http://127.0.0.1:9")
        #expect(ended.status == 1 && ended.errors.contains("does not answer"))
        #expect(try await docent.run("jobs", "list", "--server", "nonsense").status == 64)
        #expect(try await docent.run("caption", docent.images, "--server", "nonsense").status == 64)
        let refused = try await docent.run("serve", "--allow-hosts", "localhost,[::1]:8000")
        #expect(refused.status == 64 && refused.errors.contains("[::1]:8000 is not the name or address of a host"))
    }
}
