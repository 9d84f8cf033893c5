import Foundation
import Jobs
import Testing

/// Jobs that are handed to a server with the directories that it may read.
@Suite(.serialized)
struct SubmittedJobTests {
    @Test(.timeLimit(.minutes(10)))
    func `a submitted directory is captioned by the server, and goes on after a kill`() async throws {
        let docent = try DocentProcess(images: 6)
        let (server, url) = try await docent.startServer(port: 0, "--allow-root", docent.images)
        defer { server.send(SIGKILL) }
        let refused = try await docent.run("jobs", "submit", "/etc", "--server", url)
        #expect(refused.status == 1 && refused.errors.contains("status 403"), "\(refused.errors)")

        let submitted = try await docent.run(
            "jobs", "submit", docent.images, "--label", "six", "--recipe", "caption", "--json", "--server", url)
        #expect(submitted.status == 0, "\(submitted.errors)")
        let job = try #require(
            try JSONSerialization.jsonObject(with: Data(submitted.output.utf8)) as? [String: Any])
        let id = try #require(job["id"] as? String)
        #expect(job["label"] as? String == "six" && job["kind"] as? String == "directory")
        let moved = try await docent.run("jobs", "priority", id, "interactive", "--server", url)
        #expect(moved.status == 0 && moved.output.hasPrefix(id), "\(moved.errors)")
        server.send(SIGKILL)
        #expect(await server.ended().status == 128 + SIGKILL)

        // As a kill leaves a job whose walk had not ended, here before its first image.
        let store = try JobStore(path: docent.path("docent.sqlite"))
        let known = try #require(try await store.job(JobID(rawValue: id)))
        let unfilled = try await store.create(
            NewJob(kind: known.kind, label: "begun", model: known.model, specification: known.specification),
            isSealed: false)
        try await store.close()

        let (second, _) = try await docent.startServer(port: 0, "--allow-root", docent.images)
        defer { second.send(SIGKILL) }
        let watched = try await docent.run("jobs", "watch", id)
        #expect(watched.status == 0 && watched.output.contains("completed  6/6"), "\(watched.errors)")
        let expected = (0..<6).map { "\(DocentProcess.name(of: $0))\t\(DocentProcess.caption(of: $0))\n" }.joined()
        #expect(try await docent.run("jobs", "results", id).output == expected)
        let continued = try await docent.run("jobs", "watch", unfilled.job.id.rawValue)
        #expect(continued.status == 0 && continued.output.contains("completed  6/6"), "\(continued.errors)")
        second.send(SIGTERM)
        #expect(await second.ended().status == 0)
        #expect(try await docent.run("jobs", "results", id).output == expected)
        let unserved = try await docent.run("jobs", "submit", docent.images)
        #expect(unserved.status == 1 && unserved.errors.contains("No server"), "\(unserved.errors)")
    }
}
