import Foundation
import Inference
import Jobs
import Models
import Synchronization
import Testing
import Workers

@testable import Captioning

/// A folder of images, a database and a worker that answers by script.
private final class Bench: Sendable {
    let folder: TemporaryFolder
    let state: TemporaryFolder
    let lines = Mutex<[String]>([])
    let calls = Mutex<[String]>([])

    init(_ names: String...) throws {
        folder = try TemporaryFolder()
        state = try TemporaryFolder()
        for name in names { try folder.write("pixels of \(name)", to: name) }
    }

    /// Runs the command's heart once. `answer` gives a caption, or nil to end the run as an interruption does.
    func caption(
        output: String? = nil, sidecar: SidecarFormat = .none, existing: ExistingPolicy = .skip, prompt: String = "p",
        below subfolder: String = "", answer: @escaping @Sendable (String) throws -> String? = { "caption of \($0)" }
    ) async throws -> CaptionSummary {
        calls.withLock { $0 = [] }
        lines.withLock { $0 = [] }
        let settings = CaptionSettings(
            recipe: try Recipe(prompt: prompt), roots: [folder.path + subfolder],
            output: output.map { folder.path + "/" + $0 }, sidecar: sidecar, existing: existing)
        let store = try JobStore(path: state.path + "/d.sqlite")
        let reporter = ProgressReporter(style: .jsonLines, now: { .zero }, write: { _ in })
        let run = try CaptionRun(try DirectoryWalker().walk(settings.roots), settings: settings, reporter: reporter) {
            line in
            self.lines.withLock { $0.append(line) }
        }
        let card = ModelCard(name: "scripted", family: "none", weightsHash: "w", parameterCount: 1, created: 0)
        let job = CaptionJob(store: store, run: run, model: card)
        do {
            try await job.perform { try await self.work($0, store, answer) }
        } catch {
            try await store.close()
            throw error
        }
        let summary = try await run.finish()
        try await store.close()
        return summary
    }

    private func work(_ job: JobID, _ store: JobStore, _ answer: @Sendable (String) throws -> String?) async throws {
        for await _ in store.workAvailable.starting() {
            while let claim = try await store.claim(upTo: 1, of: .job(job), for: WorkerID(rawValue: "w")).first {
                let work = try JSONDecoder().decode(ChatWork.self, from: Data(claim.payload.utf8))
                guard case .file(let path)? = work.images.first else { throw CancellationError() }
                let name = String(path.split(separator: "/").last ?? "")
                calls.withLock { $0.append(name) }
                do {
                    guard let text = try answer(name) else { return }
                    let result = try JSONEncoder().encode(try Self.answer(text, path: path))
                    _ = try await store.complete(claim, result: String(decoding: result, as: UTF8.self))
                } catch let failure as RequestFailure {
                    _ = try await store.fail(claim, failure)
                }
            }
        }
    }

    private static func answer(_ text: String, path: String) throws -> ChatAnswer {
        let bytes = try Data(contentsOf: URL(filePath: path))
        let facts = ChatAnswer.ImageFacts(
            sha256: ContentHash(of: bytes).description, width: 1, height: 1, byteCount: bytes.count)
        return ChatAnswer(
            model: "scripted", weightsHash: "w", choices: [.init(index: 0, text: text, finishReason: .stop)],
            usage: .init(promptTokens: 1, completionTokens: 2), images: [facts])
    }

    /// Paths of the rows in the order of the file.
    func rowPaths(_ name: String) -> [String] { rows(name).compactMap { $0["path"] as? String } }

    func rows(_ name: String) -> [[String: Any]] {
        (folder.text(name) ?? "").split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }
}

extension AsyncStream<Void> {
    /// The stream with a poke at its beginning.
    fileprivate func starting() -> AsyncStream<Void> {
        let source = self
        return AsyncStream { continuation in
            let task = Task {
                continuation.yield()
                for await _ in source { continuation.yield() }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

private let corrupt = RequestFailure(code: "image_corrupt", message: "it is cut short", isRetryable: false)

struct CaptionJobTests {
    @Test(.timeLimit(.minutes(5))) func `every image is captioned once, and a second run finds nothing to do`()
        async throws
    {
        let bench = try Bench("b.jpg", "a.png", "deep/c.gif")
        let first = try await bench.caption(output: "o.jsonl", sidecar: .txt)
        #expect((first.found, first.captioned, first.exitStatus) == (3, 3, 0))
        #expect(Set(bench.rowPaths("o.jsonl")) == ["a.png", "b.jpg", "deep/c.gif"])
        #expect(bench.folder.text("deep/c.gif.txt") == "caption of c.gif\n")
        let second = try await bench.caption(output: "o.jsonl", sidecar: .txt)
        #expect((second.captioned, second.skipped, second.exitStatus) == (0, 3, 3))
        #expect(bench.calls.withLock { $0 } == [])
    }

    @Test(.timeLimit(.minutes(5))) func `without outputs lines are printed, again from the queue alone`() async throws {
        let bench = try Bench("b.jpg", "a.jpg")
        for expectedCalls in [2, 0] {
            #expect(try await bench.caption().exitStatus == 0)
            #expect(bench.lines.withLock { $0 } == ["a.jpg\tcaption of a.jpg", "b.jpg\tcaption of b.jpg"])
            #expect(bench.calls.withLock { $0.count } == expectedCalls)
        }
    }

    @Test(.timeLimit(.minutes(5))) func `an interrupted run is continued, not repeated`() async throws {
        let bench = try Bench("a.jpg", "b.jpg", "c.jpg", "d.jpg")
        let first = try await bench.caption(output: "o.jsonl") { $0 < "c" ? "caption of \($0)" : nil }
        #expect((first.captioned, first.remaining, first.exitStatus) == (2, 2, 1))
        #expect(bench.rowPaths("o.jsonl") == ["a.jpg", "b.jpg"])
        let second = try await bench.caption(output: "o.jsonl")
        #expect((second.captioned, second.skipped, second.exitStatus) == (2, 2, 0))
        #expect(bench.calls.withLock { $0 } == ["c.jpg", "d.jpg"])
        #expect(bench.rowPaths("o.jsonl").sorted() == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    }

    @Test(.timeLimit(.minutes(5))) func `outputs that were lost are written again from the queue`() async throws {
        let bench = try Bench("a.jpg", "b.jpg")
        _ = try await bench.caption(output: "o.jsonl", sidecar: .json)
        let rows = bench.folder.text("o.jsonl")
        try FileManager.default.removeItem(atPath: bench.folder.path + "/o.jsonl")
        try bench.folder.write("", to: "a.jpg.json")
        #expect(try await bench.caption(output: "o.jsonl", sidecar: .json).exitStatus == 0)
        #expect(bench.calls.withLock { $0 } == [])
        #expect(bench.folder.text("o.jsonl") == rows)
        #expect(bench.folder.text("a.jpg.json")?.contains("caption of a.jpg") == true)
    }

    @Test(.timeLimit(.minutes(5))) func `a changed image is captioned again, and has one row`() async throws {
        let bench = try Bench("a.jpg", "b.jpg")
        _ = try await bench.caption(output: "o.jsonl", sidecar: .txt)
        try bench.folder.write("other pixels", to: "b.jpg")
        let again = try await bench.caption(output: "o.jsonl", sidecar: .txt) { "new caption of \($0)" }
        #expect((again.captioned, again.skipped) == (1, 1))
        #expect(bench.calls.withLock { $0 } == ["b.jpg"])
        #expect(bench.rowPaths("o.jsonl") == ["a.jpg", "b.jpg"])
        #expect(bench.rows("o.jsonl").last?["caption"] as? String == "new caption of b.jpg")
        #expect(bench.folder.text("b.jpg.txt") == "new caption of b.jpg\n")
        #expect(try await bench.caption(output: "o.jsonl", sidecar: .txt).exitStatus == 3)
    }

    @Test(.timeLimit(.minutes(5))) func `a touched image whose bytes are the same is left alone`() async throws {
        let bench = try Bench("a.jpg")
        _ = try await bench.caption(output: "o.jsonl", sidecar: .txt)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: bench.folder.path + "/a.jpg")
        #expect(try await bench.caption(output: "o.jsonl").exitStatus == 3)
    }

    @Test(.timeLimit(.minutes(5))) func `a sidecar that a person wrote or corrected is left alone`() async throws {
        let bench = try Bench("a.jpg", "b.jpg")
        try bench.folder.write("mine", to: "a.jpg.txt")
        _ = try await bench.caption(sidecar: .txt)
        #expect(bench.calls.withLock { $0 } == ["b.jpg"])
        try bench.folder.write("corrected\n", to: "b.jpg.txt")
        try bench.folder.write("other pixels", to: "b.jpg")
        #expect(try await bench.caption(sidecar: .txt).exitStatus == 3)
        _ = try await bench.caption(sidecar: .txt, existing: .overwrite)
        #expect(bench.folder.text("a.jpg.txt") == "caption of a.jpg\n")
        #expect(bench.folder.text("b.jpg.txt") == "caption of b.jpg\n")
    }

    @Test(.timeLimit(.minutes(5))) func `appending keeps rows whatever became of their images`() async throws {
        let bench = try Bench("a.jpg")
        _ = try await bench.caption(output: "o.jsonl")
        try bench.folder.write("other pixels", to: "a.jpg")
        try bench.folder.write("x", to: "b.jpg")
        #expect(try await bench.caption(output: "o.jsonl", existing: .append).captioned == 1)
        #expect(bench.rowPaths("o.jsonl") == ["a.jpg", "b.jpg"])
        #expect(bench.calls.withLock { $0 } == ["b.jpg"])
    }

    @Test(.timeLimit(.minutes(5))) func `a removed image is taken out of the queue`() async throws {
        let bench = try Bench("a.jpg", "b.jpg", "c.jpg")
        _ = try await bench.caption { $0 < "b" ? "caption of \($0)" : nil }
        try FileManager.default.removeItem(atPath: bench.folder.path + "/b.jpg")
        let summary = try await bench.caption()
        #expect((summary.found, summary.captioned, summary.exitStatus) == (2, 2, 0))
        #expect(bench.calls.withLock { $0 } == ["c.jpg"])
    }

    @Test(.timeLimit(.minutes(5)))
    func `failures are reported, tried again by the next run, and forgotten once they succeed`() async throws {
        let bench = try Bench("a.jpg", "b.jpg")
        for _ in 0..<2 {
            let summary = try await bench.caption(output: "o.jsonl") {
                if $0 == "a.jpg" { throw corrupt }
                return "caption of \($0)"
            }
            #expect((summary.failed, summary.exitStatus) == (1, 2))
            #expect(
                bench.folder.text("o.failures.jsonl")
                    == #"{"code":"image_corrupt","message":"it is cut short","path":"a.jpg"}"# + "\n")
        }
        #expect(bench.calls.withLock { $0 } == ["a.jpg"])
        #expect(try await bench.caption(output: "o.jsonl").exitStatus == 0)
        #expect(bench.folder.text("o.failures.jsonl") == nil)
        #expect(bench.rowPaths("o.jsonl") == ["b.jpg", "a.jpg"])
    }

    @Test(.timeLimit(.minutes(5))) func `another prompt is another job, and is left to its own command`() async throws {
        let bench = try Bench("a.jpg", "b.jpg")
        _ = try await bench.caption(prompt: "first") { _ in nil }
        _ = try await bench.caption(prompt: "second") { "second of \($0)" }
        #expect(bench.calls.withLock { $0 } == ["a.jpg", "b.jpg"])
        #expect(try await bench.caption(prompt: "first") { "first of \($0)" }.captioned == 2)
        #expect(bench.lines.withLock { $0 } == ["a.jpg\tfirst of a.jpg", "b.jpg\tfirst of b.jpg"])
    }

    @Test(.timeLimit(.minutes(5))) func `an output is overwritten when all captions are there, and not before`()
        async throws
    {
        let bench = try Bench("a.jpg", "b.jpg")
        try bench.folder.write("precious", to: "o.jsonl")
        _ = try await bench.caption(output: "o.jsonl", existing: .overwrite) { $0 < "b" ? "caption of \($0)" : nil }
        #expect(bench.folder.text("o.jsonl") == "precious")
        let second = try await bench.caption(output: "o.jsonl", existing: .overwrite)
        #expect((second.captioned, second.exitStatus) == (2, 0))
        #expect(bench.calls.withLock { $0 } == ["b.jpg"])
        #expect(bench.rowPaths("o.jsonl") == ["a.jpg", "b.jpg"])
    }

    @Test(.timeLimit(.minutes(5)))
    func `an image whose sidecar cannot be written fails alone, before it costs anything`() async throws {
        let long = String(repeating: "n", count: 250) + ".jpg"
        let bench = try Bench("a.jpg", "b.jpg", long)
        try bench.folder.write("x", to: "b.jpg.txt/x")
        let summary = try await bench.caption(output: "o.jsonl", sidecar: .txt)
        #expect((summary.captioned, summary.failed, summary.remaining, summary.exitStatus) == (1, 2, 0, 2))
        #expect(bench.calls.withLock { $0 } == ["a.jpg"])
        let report = bench.rows("o.failures.jsonl")
        #expect(report.map { $0["path"] as? String } == ["b.jpg", long])
        #expect(report.allSatisfy { $0["code"] as? String == "sidecar_unwritable" })
        try FileManager.default.removeItem(atPath: bench.folder.path + "/b.jpg.txt")
        #expect(try await bench.caption(output: "o.jsonl", sidecar: .txt).captioned == 1)
        #expect(bench.rowPaths("o.jsonl") == ["a.jpg", "b.jpg"])
    }

    @Test(.timeLimit(.minutes(5))) func `a sidecar's place that is lost meanwhile is the trouble of its image alone`()
        async throws
    {
        let bench = try Bench("a.jpg", "b.jpg")
        let summary = try await bench.caption(output: "o.jsonl", sidecar: .txt) { name in
            if name == "a.jpg" { try bench.folder.write("x", to: "a.jpg.txt/x") }
            return "caption of \(name)"
        }
        #expect((summary.captioned, summary.failed, summary.exitStatus) == (1, 1, 2))
        #expect(bench.rowPaths("o.jsonl") == ["b.jpg"])
    }

    @Test(.timeLimit(.minutes(5))) func `a row is not taken from an image of the same path below another root`()
        async throws
    {
        let bench = try Bench("A/x.jpg", "B/x.jpg")
        _ = try await bench.caption(output: "o.jsonl", below: "/A")
        let rows = bench.folder.text("o.jsonl")
        for policy in [ExistingPolicy.skip, .append] {
            let error = await #expect(throws: CaptionError.self) {
                _ = try await bench.caption(output: "o.jsonl", existing: policy, below: "/B")
            }
            guard case .rowOfAnotherRoot(_, "x.jpg", let held, let given)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(held.hasSuffix("/A") && given.hasSuffix("/B"))
            #expect(bench.folder.text("o.jsonl") == rows)
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a folder that was moved keeps its rows, and so do rows without a root`()
        async throws
    {
        let bench = try Bench("A/x.jpg")
        _ = try await bench.caption(output: "o.jsonl", below: "/A")
        try FileManager.default.moveItem(atPath: bench.folder.path + "/A", toPath: bench.folder.path + "/B")
        #expect(try await bench.caption(output: "o.jsonl", below: "/B").exitStatus == 3)
        try bench.folder.write(#"{"path": "x.jpg", "sha256": "another"}"# + "\n", to: "o.jsonl")
        #expect(try await bench.caption(output: "o.jsonl", below: "/B").captioned == 1)
        #expect(bench.rowPaths("o.jsonl") == ["x.jpg"])
    }

    @Test(.timeLimit(.minutes(5))) func `appending what is there already is nothing to do`() async throws {
        let bench = try Bench("a.jpg")
        for (captioned, status) in [(1, Int32(0)), (0, 3)] {
            let summary = try await bench.caption(sidecar: .txt, existing: .append)
            #expect((summary.captioned, summary.skipped, summary.exitStatus) == (captioned, 1 - captioned, status))
        }
    }

    @Test(.timeLimit(.minutes(5))) func `an empty folder costs an existing output nothing`() async throws {
        let bench = try Bench()
        try bench.folder.write("precious", to: "o.jsonl")
        #expect(try await bench.caption(output: "o.jsonl", existing: .overwrite).exitStatus == 3)
        #expect(bench.folder.text("o.jsonl") == "precious")
    }
}
