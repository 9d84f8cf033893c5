import Foundation
import Testing

/// Captions by way of a server: what holds beyond a run in which nothing happens.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ServerCaptioningTests {
    @Test(arguments: [SIGKILL, SIGTERM])
    func `a run outlives its server and goes on with the next`(signal: Int32) async throws {
        let docent = try DocentProcess(images: 40)
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        let running = try docent.start(["caption", docent.images, "--server", url, "--output", docent.path("o.jsonl")])
        defer { running.send(SIGKILL) }
        #expect(await server.signal(signal, once: { (docent.text("o.jsonl") ?? "").contains("\n") }))
        _ = await server.ended()
        #expect(
            try await eventually(within: 240) { running.saidOnError.contains("Trying again") || !running.isRunning })
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
        let (next, _) = try await docent.startServer(port: port)
        defer { next.send(SIGKILL) }
        let ended = await running.ended()
        #expect(ended.status == 0, "\(ended.errors)")
        let rows = try #require(docent.text("o.jsonl")).split(separator: "\n")
        #expect(rows.count == 40)
        #expect(ended.errors.contains("answers again"))
    }

    @Test func `a run whose server turns it away keeps what it has and reports what failed`() async throws {
        let docent = try DocentProcess(images: 40)
        try Data("hello\n".utf8).write(to: URL(filePath: docent.images + "/!text.webp"))
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        let running = try docent.start(["caption", docent.images, "--server", url, "--output", docent.path("o.jsonl")])
        defer { running.send(SIGKILL) }
        let hasBegun: @Sendable () -> Bool = {
            (docent.text("o.jsonl") ?? "").contains("\n") && running.saidOnError.contains("!text.webp")
        }
        #expect(await server.signal(SIGKILL, once: hasBegun))
        _ = await server.ended()
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
        let (next, _) = try await docent.startServer(port: port, "--api-key", "secret")
        defer { next.send(SIGKILL) }
        let ended = await running.ended()
        #expect(ended.status == 1 && ended.errors.contains("status 401"), "\(ended.errors)")
        #expect(ended.errors.contains(#""remaining":"#))
        let rows = try #require(docent.text("o.jsonl")).split(separator: "\n")
        #expect((1..<40).contains(rows.count))
        #expect(docent.text("o.failures.jsonl")?.contains("!text.webp") == true)
    }

    @Test func `another model than the server's is refused before any work`() async throws {
        let docent = try DocentProcess(images: 1)
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        for target in [["--server", url], []] {
            let other = try await docent.start(["caption", docent.images, "--model", "/models/smolvlm-tiny"] + target)
                .ended()
            #expect(other.status == 1 && other.errors.contains("docent-mini and not the model smolvlm-tiny"))
            #expect(other.output.isEmpty)
            let quantised = try await docent.start(["caption", docent.images, "--quantize", "q8"] + target).ended()
            #expect(quantised.status == 1 && quantised.errors.contains("--quantize q8"))
        }
        let same = try await docent.run("caption", docent.images, "--model", "/models/docent-mini", "--threads", "1")
        #expect(same.status == 0, "\(same.errors)")
        #expect(same.errors.contains("The server decides about --device and --threads"))
    }

    @Test func `an image that does not fit into a request is a failure with its reason`() async throws {
        let docent = try DocentProcess(images: 1)
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        let large = URL(filePath: docent.images + "/large.jpg")
        try Data().write(to: large)
        let file = try FileHandle(forWritingTo: large)
        try file.truncate(atOffset: 52 << 20)
        try file.close()
        let ended = try await docent.run(
            "caption", docent.images, "--server", url, "--output", docent.path("o.jsonl"))
        #expect(ended.status == 2, "\(ended.errors)")
        let report = try #require(docent.text("o.failures.jsonl"))
        #expect(report.contains(#""code":"image_too_large""#))
        #expect(report.contains("\((63 << 20) / 4 * 3) fit into a request"))
    }
}
