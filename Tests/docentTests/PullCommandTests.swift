import Foundation
import LoopbackHub
import ModelHub
import Testing

@testable import docent

/// `docent models pull` as a process of its own, against a hub on this machine.
@Suite(.serialized)
struct PullCommandTests {
    /// The model that comes with docent, as a hub would have it; the document is not fetched.
    private static func repository() throws -> HubRepository {
        let folder = Samples.folder.appending(path: "../../Sources/docent/docent-mini").standardized
        var files = ["README.md": Array("# docent-mini".utf8)]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            files[name] = Array(try Data(contentsOf: folder.appending(path: name)))
        }
        return HubRepository(id: "docent/Mini", files: files)
    }

    private func environment(_ docent: DocentProcess, _ hub: LoopbackHub) -> [String: String] {
        ["HF_HOME": docent.path("hf"), "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_s3cret"]
    }

    /// The pull is killed once and interrupted once, each time while the weights are on their way.
    @Test(.timeLimit(.minutes(5)))
    func `a pull that is killed and interrupted goes on, and what it brings can be used`() async throws {
        let docent = try DocentProcess(images: 1)
        let repository = try Self.repository()
        let stops = [4_000_000, 5_000_000]
        let hub = try LoopbackHub(
            repository,
            onFiles: { request, honest in
                request.number < stops.count ? honest.ending(.silence(after: stops[request.number])) : honest
            })
        defer { hub.stop() }
        let environment = environment(docent, hub)
        let blobs = docent.path("hf/hub/models--docent--Mini/blobs")
        let partial = blobs + "/\(repository.blobName(of: "model.safetensors")).incomplete"
        @Sendable func came() -> Int {
            ((try? FileManager.default.attributesOfItem(atPath: partial))?[.size] as? Int) ?? 0
        }
        var transcript: [String] = []
        for (signal, total) in [(SIGKILL, 4_000_000), (SIGINT, 9_000_000)] {
            let running = try docent.start(["models", "pull", "docent/Mini"], environment: environment)
            #expect(await running.signal(signal, once: { came() == total }))
            let ended = await running.ended()
            transcript += [
                "$ docent models pull docent/Mini", ended.errors, "(status \(ended.status), \(came()) bytes are kept)",
            ]
            #expect(ended.status == (signal == SIGKILL ? 128 + SIGKILL : 1) && ended.output == "")
            #expect(came() == total)
            let listed = try await docent.run("models", "list", environment: environment)
            #expect(!listed.output.contains("docent/Mini"))
        }
        #expect(transcript.joined().contains("give the same command again"))
        let ended = try await docent.run("models", "pull", "docent/Mini", environment: environment)
        transcript += ["$ docent models pull docent/Mini", ended.errors, ended.output]
        let folder = docent.path("hf/hub/models--docent--Mini/snapshots/\(repository.commit)")
        #expect(ended.status == 0 && ended.output == folder + "\n", "\(ended.errors)")
        #expect(hub.fileRequests.map { $0.start ?? 0 } == [0, 4_000_000, 9_000_000])
        #expect(hub.fileRequests.allSatisfy { $0.headers["authorization"] == nil })
        for line in ended.errors.split(separator: "\n") {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
        #expect(!transcript.joined().contains("s3cret"))
        transcript += hub.fileRequests.map { "file host: \($0.method) from byte \($0.start ?? 0)" }
        print(transcript.joined(separator: "\n"))
        try await expectUsable(docent, environment, folder)
    }

    /// By the name on the hub, in whatever case, without the hub.
    private func expectUsable(_ docent: DocentProcess, _ environment: [String: String], _ folder: String) async throws {
        let offline = environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
        let listed = try await docent.run("models", "list", environment: offline)
        #expect(listed.output.contains("docent/Mini\t") && listed.output.contains(folder))
        let inspected = try await docent.run("models", "inspect", "docent/mini", environment: offline)
        #expect(inspected.status == 0, "\(inspected.output)")
        let captioned = try await docent.run(
            "caption", docent.images, "--model", "docent/mini", "--output", docent.path("o.jsonl"), environment: offline
        )
        #expect(captioned.status == 0, "\(captioned.errors)")
        #expect(docent.text("o.jsonl")?.contains(#""model":"docent/mini""#) == true)
        let again = try await docent.run("models", "pull", "docent/Mini", environment: offline)
        #expect(again.status == 0 && again.output == folder + "\n")
    }

    @Test(.timeLimit(.minutes(5)))
    func `a name that is no model's is a mistake of usage, and one that the cache lacks tells how to fetch it`()
        async throws
    {
        let docent = try DocentProcess()
        for arguments in [["pull"], ["pull", "model"], ["pull", "../x/y"], ["pull", "o/m", "--parallel", "0"]] {
            let ended = try await docent.start(["models"] + arguments).ended()
            #expect(ended.status == 64, "\(ended.errors)")
        }
        let missing = try await docent.run("models", "inspect", "nvidia/none")
        #expect(missing.status == 1 && missing.errors.contains("docent models pull nvidia/none"), "\(missing.errors)")
    }

    @Test(.timeLimit(.minutes(5)))
    func `a hub's refusal is one sentence and status 1`() async throws {
        let docent = try DocentProcess()
        let hub = try LoopbackHub(try Self.repository(), onHub: { _, _ in HubReply(401) })
        defer { hub.stop() }
        let ended = try await docent.run("models", "pull", "docent/Mini", environment: ["HF_ENDPOINT": hub.url])
        #expect(ended.status == 1 && ended.errors.contains("set HF_TOKEN"), "\(ended.errors)")
    }

    @Test(.timeLimit(.minutes(5)))
    func `GGUF files are listed wherever models are kept`() async throws {
        let docent = try DocentProcess()
        let places = ["models/a.gguf", "models/someone/b.gguf", "hf/hub/models--o--m/snapshots/c/Q4/d.gguf"]
        for place in places + ["models/e.txt"] {
            let file = URL(filePath: docent.path(place))
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("GGUF".utf8).write(to: file)
        }
        let listed = try await docent.run("models", "list", environment: ["HF_HOME": docent.path("hf")])
        #expect(places.allSatisfy { listed.output.contains(docent.path($0)) }, "\(listed.output)")
        #expect(!listed.output.contains("e.txt"))
    }
}

struct PullStyleTests {
    private var progress: PullProgress {
        var progress = PullProgress()
        progress.take(.needed(file: "a", bytes: 16_000_000_000), now: .zero)
        progress.take(.needed(file: "b", bytes: 61), now: .zero)
        progress.take(.resumed(file: "a", bytes: 4_000_000_000), now: .zero)
        progress.take(.received(bytes: 40_000_000), now: .seconds(2))
        return progress
    }

    @Test func `a person sees a bar, files, bytes, speed and the time that is left`() {
        let line = PullStyle.terminal(width: 100).progress(progress, now: .seconds(2))
        #expect(
            line
                == "\r[#######-----------------------] 0/2 files  4.0 GB of 16.0 GB  20.0 MB/s  9 min 58 s left\u{1B}[K"
        )
        #expect(PullStyle.terminal(width: 30).progress(progress, now: .seconds(2)).count <= 30 + "\r\u{1B}[K".count)
        let told = PullStyle.terminal(width: 80).told(.finished(file: "a\u{1B}[2J"))
        #expect(told == "\r\u{1B}[Ka\\u{1B}[2J is complete.\n")
    }

    @Test func `a program gets JSON lines`() {
        let line = PullStyle.jsonLines.progress(progress, now: .seconds(2))
        #expect(
            line == #"{"bytes_done":4040000000,"bytes_per_second":20000000,"bytes_total":16000000061,"#
                + #""eta_seconds":598,"event":"progress","files_done":0,"files_total":2}"# + "\n")
        #expect(
            PullStyle.jsonLines.told(.retrying(after: .seconds(2), reason: "r"))
                == #"{"event":"retrying","message":"r","seconds":2}"# + "\n")
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_960, "1.0 MB"),
        (16_060_000_000, "16.1 GB"),
    ])
    func `sizes are told in powers of ten`(bytes: Int, text: String) {
        #expect(PullStyle.size(bytes) == text)
    }
}
