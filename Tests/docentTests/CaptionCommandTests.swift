import Foundation
import Testing

/// The built command, end to end, on the sample images.
@Suite(.serialized)
struct CaptionCommandTests {
    @Test(.timeLimit(.minutes(5)))
    func `the samples are captioned as transformers does it, one line each in the order of their names`() async throws {
        let docent = try DocentProcess()
        #expect(Samples.all.count == 12)
        let ended = try await docent.run("caption", Samples.folder.path)
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output == Samples.all.map { "\($0.file)\t\($0.caption)\n" }.joined())
        // Standard error is no terminal here: every line is JSON.
        for line in ended.errors.split(separator: "\n") {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a recipe and every kind of output at once`() async throws {
        let docent = try DocentProcess(images: 3)
        let ended = try await docent.run(
            "caption", docent.images, "--recipe", "alt-text", "--output", docent.path("o.csv"), "--sidecar", "json")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output == "")
        let rows = try #require(docent.text("o.csv")).split(separator: "\r\n")
        #expect(rows.count == 4 && rows[0].hasPrefix("path,caption,model,finish_reason,sha256"))
        for index in 0..<3 {
            let sidecar = try #require(docent.text("images/\(DocentProcess.name(of: index)).json"))
            let json = try #require(try JSONSerialization.jsonObject(with: Data(sidecar.utf8)) as? [String: Any])
            #expect(json["recipe"] as? String == "alt-text")
            #expect((json["weights_sha256"] as? String)?.count == 64)
            #expect((json["caption"] as? String)?.isEmpty == false)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `where the time went is told at the end, if asked`() async throws {
        let docent = try DocentProcess(images: 2)
        let ended = try await docent.run("caption", docent.images, "--timings", "--output", docent.path("o.jsonl"))
        #expect(ended.status == 0, "\(ended.errors)")
        struct Timings: Decodable {
            struct Stage: Decodable { let name: String, seconds: Double }
            let images: Int
            let stages: [Stage]
            let wall_seconds, engine_seconds, image_work_seconds, image_processor_seconds: Double
        }
        let line = try #require(ended.errors.split(separator: "\n").last { $0.contains(#""timings""#) })
        let timings = try JSONDecoder().decode(Timings.self, from: Data(line.utf8))
        #expect(timings.images == 2 && timings.stages.count == 8)
        #expect(timings.stages.allSatisfy { $0.seconds > 0 }, "\(timings.stages)")
        #expect(timings.engine_seconds < timings.wall_seconds)
        #expect(timings.image_work_seconds < timings.wall_seconds)
        #expect(timings.image_processor_seconds > 0)
    }

    @Test(.timeLimit(.minutes(5)))
    func `bad images are reported with their causes, and the others captioned`() async throws {
        let docent = try DocentProcess(images: 2)
        let whole = try Data(contentsOf: Samples.folder.appending(path: "scene-04.jpg"))
        try whole.prefix(2000).write(to: URL(filePath: docent.images + "/cut.jpg"))
        try Data().write(to: URL(filePath: docent.images + "/empty.png"))
        try Data("hello\n".utf8).write(to: URL(filePath: docent.images + "/text.webp"))
        for _ in 0..<2 {
            let ended = try await docent.run("caption", docent.images, "--output", docent.path("o.jsonl"))
            #expect(ended.status == 2)
            let report = try #require(docent.text("o.failures.jsonl")).split(separator: "\n").map {
                try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
            }
            #expect(report.map { $0["path"] } == ["cut.jpg", "empty.png", "text.webp"])
            #expect(report.map { $0["code"] } == ["image_truncated", "image_empty", "image_unsupported"])
            #expect(report.allSatisfy { $0["message"]?.isEmpty == false })
            #expect(docent.text("o.jsonl")?.split(separator: "\n").count == 2)
        }
    }

    private static let endings: [(line: String, status: Int32)] = [
        ("caption", 64), ("caption /no/such/place", 64), ("caption . --output o.txt", 64),
        ("caption . --recipe nonsense", 64), ("caption . --recipe tags --prompt p", 64),
        ("caption . --prompt {size}", 64), ("caption . --temperature 9", 64), ("caption . --max-image-side 0", 64),
        ("caption . --max-tokens 0", 64),
        ("caption . --device cuda:x", 64), ("caption . --sidecar xml", 64),
        ("caption . --sidecar json --existing append", 64), ("nonsense", 64), ("jobs show job_none", 1),
        ("models inspect /no/such/model", 1), ("doctor", 0), ("jobs list", 0), ("models list", 0), ("--version", 0),
        ("help caption", 0),
    ]

    @Test(.timeLimit(.minutes(5)), arguments: endings)
    func `the exit status is the documented one`(line: String, status: Int32) async throws {
        let docent = try DocentProcess()
        let ended = try await docent.start(line.split(separator: " ").map(String.init)).ended()
        #expect(ended.status == status, "\(ended.errors)")
        #expect(!ended.errors.isEmpty || !ended.output.isEmpty)
    }

    @Test(.timeLimit(.minutes(5)))
    func `nothing to do is said with status 3, whether nothing is there or all is done`() async throws {
        let docent = try DocentProcess(images: 1)
        try FileManager.default.createDirectory(atPath: docent.path("none"), withIntermediateDirectories: true)
        #expect(try await docent.run("caption", docent.path("none")).status == 3)
        for status: Int32 in [0, 3] {
            #expect(try await docent.run("caption", docent.images, "--sidecar", "txt").status == status)
        }
        #expect(docent.text("images/\(DocentProcess.name(of: 0)).txt") == DocentProcess.caption(of: 0) + "\n")
    }

    @Test(.timeLimit(.minutes(5)))
    func `captions that standard output does not take are an error`() async throws {
        let docent = try DocentProcess(images: 1)
        let full = try docent.start(["caption", docent.images], output: FileHandle(forWritingAtPath: "/dev/full"))
        let ended = await full.ended()
        #expect(ended.status == 1 && ended.errors.contains("No space left"), "\(ended.errors)")
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let unread = try await docent.start(["models", "list"], output: pipe.fileHandleForWriting).ended()
        #expect(unread.status == 1 && unread.errors == "", "\(unread.errors)")
    }

    @Test(.timeLimit(.minutes(5)))
    func `a model that cannot be loaded costs an output nothing`() async throws {
        let docent = try DocentProcess(images: 1)
        try Data("precious".utf8).write(to: URL(filePath: docent.path("o.jsonl")))
        let ended = try await docent.run(
            "caption", docent.images, "--output", docent.path("o.jsonl"), "--existing", "overwrite", "--model",
            "/no/such")
        #expect(ended.status == 1)
        #expect(docent.text("o.jsonl") == "precious" && docent.text("o.jsonl.partial") == nil)
    }

    @Test(.timeLimit(.minutes(5)))
    func `a path that is not there is told with the usage of caption`() async throws {
        let ended = try await DocentProcess().run("caption", "/no/such/place")
        #expect(ended.status == 64 && ended.errors.contains("Usage: docent caption"), "\(ended.errors)")
    }

    @Test(.timeLimit(.minutes(5)))
    func `an image over a limit that was given fails and names the flag`() async throws {
        let docent = try DocentProcess(images: 1)
        let ended = try await docent.run(
            "caption", docent.images, "--output", docent.path("o.jsonl"), "--max-image-pixels", "9")
        #expect(ended.status == 2, "\(ended.errors)")
        #expect(docent.text("o.failures.jsonl")?.contains("--max-image-pixels") == true)
        let small = try await docent.run(
            "caption", docent.images, "--output", docent.path("o.jsonl"), environment: ["DOCENT_MAX_IMAGE_BYTES": "9"])
        #expect(small.status == 2, "\(small.errors)")
        #expect(docent.text("o.failures.jsonl")?.contains("--max-image-bytes") == true)
    }

    @Test(.timeLimit(.minutes(5)))
    func `the environment stands in for flags, and a flag wins`() async throws {
        let docent = try DocentProcess(images: 1)
        let environment = [
            "DOCENT_OUTPUT": docent.path("twin.jsonl"), "DOCENT_MAX_TOKENS": "2",
            "DOCENT_DATABASE": docent.path("twin.sqlite"),
        ]
        #expect(try await docent.run("caption", docent.images, environment: environment).status == 0)
        #expect(docent.text("twin.jsonl")?.contains(#""finish_reason":"length""#) == true)
        let flagged = try await docent.run(
            "caption", docent.images, "--max-tokens", "64", "--output", docent.path("flag.jsonl"),
            environment: environment)
        #expect(flagged.status == 0)
        #expect(docent.text("flag.jsonl")?.contains(#""finish_reason":"stop""#) == true)
        #expect(docent.text("docent.sqlite") == nil)
    }
}
