import Foundation
import Jobs
import Testing

@testable import docent

/// `docent jobs` beside those who use the database.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct JobsCommandTests {
    @Test func `jobs are looked at while a caption run works, and steered only by their owner`() async throws {
        let docent = try DocentProcess(images: 60)
        let running = try docent.start(
            ["caption", docent.images, "--output", docent.path("o.jsonl"), "--threads", "1"])
        defer { running.send(SIGKILL) }
        // Nothing moves any more, and the run is still the owner.
        #expect(await running.signal(SIGSTOP, once: { (docent.text("o.jsonl") ?? "").contains("\n") }))
        let listed = try await docent.run("jobs", "list", "--json")
        let jobs = try #require(try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        #expect(listed.status == 0 && jobs.map { $0["status"] as? String } == ["running"])
        let id = try #require(jobs.first?["id"] as? String)
        let shown = try await docent.run("jobs", "show", id)
        #expect(shown.status == 0 && shown.output.hasPrefix("\(id)  running"), "\(shown.errors)")
        for action in ["cancel", "pause", "resume", "retry"] {
            let refused = try await docent.run("jobs", action, id)
            #expect(refused.status == 1 && refused.errors.contains("takes no orders"), "\(refused.errors)")
        }
        let watch = try docent.start(["jobs", "watch", id])
        running.send(SIGKILL)
        running.send(SIGCONT)
        let watched = await watch.ended()
        #expect(watched.status == 1 && watched.errors.contains("Nobody works"), "\(watched.errors)")
        #expect(watched.output.contains("\(id)  running"))
    }

    @Test func `watching ends with the job`() async throws {
        let docent = try DocentProcess(images: 12)
        let running = try docent.start(["caption", docent.images, "--threads", "1"])
        defer { running.send(SIGKILL) }
        #expect(try await eventually(within: 240) { JobStore.owner(of: docent.path("docent.sqlite")) != nil })
        var id: String?
        while id == nil, running.isRunning {
            id = try await docent.run("jobs", "list").output.split(separator: " ").first.map(String.init)
        }
        let watched = try await docent.run("jobs", "watch", try #require(id))
        #expect(watched.status == 0 && watched.output.contains("completed  12/12"), "\(watched.errors)")
        #expect(await running.ended().status == 0)
    }

    @Test func `a database that is not there is not made`() async throws {
        let docent = try DocentProcess()
        for arguments in [["list"], ["show", "job_1"], ["watch", "job_1"], ["cancel", "job_1"]] {
            let ended = try await docent.start(["jobs"] + arguments + ["--database", docent.path("typo.sqlite")])
                .ended()
            #expect(ended.status == 1 && ended.errors.contains("There is no database"), "\(ended.errors)")
        }
        #expect(try await docent.run("jobs", "list").status == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: docent.directory.path)
        #expect(!left.contains { $0.contains("sqlite") })
    }

    @Test func `a server that is still starting is waited for`() async throws {
        let docent = try DocentProcess()
        let path = docent.path("docent.sqlite")
        let store = try JobStore(path: path, configuration: JobStoreConfiguration(willAnnounce: true))
        var options = DatabaseOptions()
        options.database = path
        let opened = try await options.openOrFindServer { text in
            #expect(text.contains("Waiting for the server"))
            #expect(throws: Never.self) { try store.announce(url: "http://127.0.0.1:1") }
        }
        guard case .server("http://127.0.0.1:1") = opened else { return #expect(Bool(false), "it has its address") }
        try await store.close()
    }
}
