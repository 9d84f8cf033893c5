import Foundation
import Testing

@testable import Captioning

private let answer = CaptionAnswer(
    text: "A cat.", model: "m", weightsHash: "w", finishReason: "stop", promptTokens: 5, completionTokens: 3,
    sha256: "s",
    byteCount: 9, width: 2, height: 3, committedAt: 1_764_000_000_000)

private func row(_ path: String, _ caption: String = "A cat.", sha256: String = "s") throws -> CaptionRow {
    let settings = CaptionSettings(recipe: try Recipe(prompt: "p"), roots: ["r"])
    var answer = answer
    (answer.text, answer.sha256) = (caption, sha256)
    return CaptionRow(answer, of: image(path), settings: settings)
}

private func image(_ path: String, in folder: String = "/x") -> FoundImage {
    FoundImage(path: path, root: "/x", location: folder + "/" + path, byteCount: 9, modified: 1)
}

struct AtomicFileTests {
    @Test func `a file is replaced whole, and nothing else is left in its folder`() throws {
        let folder = try TemporaryFolder()
        for text in ["first", "second, longer", ""] {
            try AtomicFile.write(Array(text.utf8), to: folder.path + "/a.txt")
            #expect(folder.text("a.txt") == text)
        }
        #expect(folder.files == ["a.txt"])
    }

    @Test func `what a killed writer left is taken over by the next`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.txt"
        try Data("half a cap".utf8).write(to: URL(filePath: AtomicFile.temporaryPath(for: path)))
        try AtomicFile.write(Array("whole".utf8), to: path)
        #expect(folder.files == ["a.txt"])
        #expect(folder.text("a.txt") == "whole")
    }

    @Test func `an image name as long as names can be still has room for the temporary one`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/" + String(repeating: "n", count: 251) + ".txt"
        try AtomicFile.write([65], to: path)
        #expect(folder.files.count == 1)
    }

    @Test func `a folder that cannot be written is an error that names the file`() throws {
        let error = #expect(throws: CaptionError.self) { try AtomicFile.write([65], to: "/no/such/folder/a.txt") }
        #expect(error?.description.contains("/no/such/folder") == true)
    }
}

struct RowFileTests {
    @Test(arguments: ["o.jsonl", "o.csv"])
    func `rows come back, one for each path, whatever is in them`(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/" + name
        let names = ["a.jpg", "a.png", "comma, quote \" and\nline.jpg", "é€𝄞.jpg"]
        do {
            let file = try RowFile(path: path, policy: .skip)
            for (index, name) in names.enumerated() {
                _ = try file.write(
                    try row(name, "Says \"no\",\nthen \(index).", sha256: "h\(index)"), at: index, of: image(name))
                #expect(try !file.write(try row(name, "again"), at: index, of: image(name)))
            }
            try file.flush()
        }
        let file = try RowFile(path: path, policy: .skip)
        for (index, name) in names.enumerated() {
            #expect(file.caption(of: image(name)) == HeldCaption(sha256: "h\(index)", root: "/x"))
        }
        #expect(file.caption(of: image("b.jpg")) == nil)
        #expect(folder.text(name)?.contains("again") == false)
    }

    @Test(arguments: ["o.jsonl", "o.csv"])
    func `a last row torn at any byte is cut off, a whole one is kept`(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/" + name
        do {
            let file = try RowFile(path: path, policy: .skip)
            _ = try file.write(try row("a.jpg"), at: 0, of: image("a.jpg"))
            try file.flush()
            _ = try file.write(try row("b, c\".jpg"), at: 1, of: image("b, c\".jpg"))
            try file.flush()
        }
        let content = try #require(FileManager.default.contents(atPath: path))
        let newlines = content.indices.filter { content[$0] == 10 }
        let firstRowEnd = newlines[newlines.count - 2] + 1
        for length in firstRowEnd...content.count {
            try content.prefix(length).write(to: URL(filePath: path))
            let isWhole: Bool
            do {
                let file = try RowFile(path: path, policy: .skip)
                #expect(file.caption(of: image("a.jpg")) != nil)
                isWhole = file.caption(of: image("b, c\".jpg")) != nil
                if !isWhole { _ = try file.write(try row("b, c\".jpg"), at: 1, of: image("b, c\".jpg")) }
                try file.flush()
            }
            #expect(
                isWhole == (length >= content.count - (name.hasSuffix("csv") ? 2 : 1)), "\(length) of \(content.count)")
            let mended = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
            let original = String(decoding: content, as: UTF8.self)
            #expect(mended.split(whereSeparator: \.isNewline) == original.split(whereSeparator: \.isNewline))
            #expect(mended.utf8.last == 10)
        }
    }

    @Test(arguments: ["o.jsonl", "o.csv"])
    func `the row of a changed image gives way to its new one`(name: String) throws {
        let folder = try TemporaryFolder()
        let file = try RowFile(path: folder.path + "/" + name, policy: .skip)
        for name in ["a.jpg", "b.jpg", "c.jpg"] { _ = try file.write(try row(name, "old"), at: 0, of: image(name)) }
        try file.flush()
        try file.discard(["b.jpg"])
        #expect(file.caption(of: image("b.jpg")) == nil)
        _ = try file.write(try row("b.jpg", "new"), at: 0, of: image("b.jpg"))
        try file.flush()
        let lines = try #require(folder.text(name)).split(whereSeparator: \.isNewline).filter { $0.contains(".jpg") }
        #expect(lines.count == 3)
        #expect(lines[2].contains("b.jpg") && lines[2].contains("new"))
        #expect(folder.files == [name])
    }

    @Test func `overwrite begins anew, append keeps rows of changed images`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(#"{"path": "a.jpg", "sha256": "old"}"# + "\n", to: "o.jsonl")
        do {
            let file = try RowFile(path: path, policy: .append)
            #expect(file.caption(of: image("a.jpg")) == HeldCaption())
        }
        let old = folder.text("o.jsonl")
        let file = try RowFile(path: path, policy: .overwrite)
        #expect(file.caption(of: image("a.jpg")) == nil)
        #expect(try file.write(try row("b.jpg"), at: 0, of: image("b.jpg")))
        try file.flush()
        #expect(folder.text("o.jsonl") == old)
        try file.complete()
        #expect(folder.text("o.jsonl")?.contains("b.jpg") == true)
        #expect(folder.files == ["o.jsonl"])
    }

    @Test(arguments: ["o.jsonl", "o.csv"])
    func `an overwriting run that was interrupted has changed nothing, and is begun anew`(name: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("precious", to: name)
        for caption in ["first", "second"] {
            let file = try RowFile(path: path, policy: .overwrite)
            #expect(try file.write(try row("a.jpg", caption), at: 0, of: image("a.jpg")))
            try file.flush()
            #expect(folder.text(name) == "precious")
        }
        #expect(folder.text(name + ".partial")?.contains("second") == true)
        #expect(folder.text(name + ".partial")?.contains("first") == false)
        try RowFile(path: path, policy: .overwrite).complete()
        #expect(folder.text(name) == "precious", "not one caption came of the run")
        #expect(folder.files == [name])
    }

    @Test func `a symbolic link stays one, and the file behind it is written`() throws {
        let folder = try TemporaryFolder()
        try folder.write("old", to: "deep/o.jsonl")
        try folder.link("o.jsonl", to: "deep/o.jsonl")
        let file = try RowFile(path: folder.path + "/o.jsonl", policy: .overwrite)
        #expect(try file.write(try row("a.jpg"), at: 0, of: image("a.jpg")))
        try file.complete()
        #expect(folder.text("deep/o.jsonl")?.contains("a.jpg") == true)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/o.jsonl") == "deep/o.jsonl")
    }

    @Test(arguments: [
        ("o.jsonl", "not json\n", 1), ("o.jsonl", "{\"path\": \"a\"}\n{\"file\": \"b\"}\n", 2), ("o.csv", "a,b\r\n", 1),
    ])
    func `a file of something else is refused with its line, and left as it is`(name: String, text: String, line: Int)
        throws
    {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: name)
        let error = #expect(throws: CaptionError.self) { _ = try RowFile(path: path, policy: .skip) }
        guard case .foreignRow(path, line, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(folder.text(name) == text)
    }

    @Test func `a second writer of the same file is refused`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/o.jsonl"
        for policy in [ExistingPolicy.skip, .overwrite] {
            let first = try RowFile(path: path, policy: policy)
            for other in [ExistingPolicy.skip, .overwrite] {
                #expect(throws: CaptionError.outputInUse(path: path)) { _ = try RowFile(path: path, policy: other) }
            }
            try first.flush()
        }
    }

    @Test func `a row has the keys that scripts rely on, and where it comes from`() throws {
        let line = JSONLinesFormat.line(try row("a.jpg"))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        for (key, value) in [
            "path": "a.jpg", "caption": "A cat.", "model": "m", "finish_reason": "stop", "sha256": "s",
            "weights_sha256": "w", "root": "/x",
        ] {
            #expect(json[key] as? String == value)
        }
        // printf p | sha256sum
        #expect(json["prompt_sha256"] as? String == "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940")
        #expect((json["parameters"] as? [String: Any])?["max_tokens"] as? Int == 256)
        #expect(json["captioned_at"] as? String == "2025-11-24T16:00:00Z")
    }
}

struct SidecarWriterTests {
    @Test func `images that differ in their extension alone have their own sidecars`() throws {
        let folder = try TemporaryFolder()
        let writer = try SidecarWriter(format: .txt, policy: .skip)
        for name in ["a.jpg", "a.png"] {
            _ = try writer.write(try row(name, "of \(name)"), at: 0, of: image(name, in: folder.path))
        }
        #expect(folder.files == ["a.jpg.txt", "a.png.txt"])
        #expect(folder.text("a.png.txt") == "of a.png\n")
    }

    @Test func `an empty sidecar is not a caption`() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "a.jpg.txt")
        try folder.write("mine", to: "b.jpg.txt")
        let writer = try SidecarWriter(format: .txt, policy: .skip)
        #expect(try writer.caption(of: image("a.jpg", in: folder.path)) == nil)
        #expect(try writer.caption(of: image("b.jpg", in: folder.path)) == HeldCaption(text: "mine"))
        #expect(try SidecarWriter(format: .txt, policy: .overwrite).caption(of: image("b.jpg", in: folder.path)) == nil)
    }

    @Test func `appending adds a line once, however often the run is repeated`() throws {
        let folder = try TemporaryFolder()
        try Data([0xE9, 0x20, 0x61]).write(to: URL(filePath: folder.path + "/a.jpg.txt"))
        let writer = try SidecarWriter(format: .txt, policy: .append)
        for isNews in [true, false] {
            #expect(try writer.write(try row("a.jpg"), at: 0, of: image("a.jpg", in: folder.path)) == isNews)
        }
        let bytes = FileManager.default.contents(atPath: folder.path + "/a.jpg.txt").map(Array.init)
        #expect(bytes == [0xE9, 0x20, 0x61, 0x0A] + Array("A cat.\n".utf8))
        _ = try writer.write(try row("a.jpg", "cat."), at: 0, of: image("a.jpg", in: folder.path))
        #expect(FileManager.default.contents(atPath: folder.path + "/a.jpg.txt").map { $0.count } == 16)
    }

    @Test func `a sidecar that cannot be written is told before its caption is made, in the image's own error`() throws
    {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/a.jpg.txt", withIntermediateDirectories: true)
        try folder.link("loop.jpg.txt", to: "loop.jpg.txt")
        let long = String(repeating: "n", count: 250) + ".jpg"
        for policy in [ExistingPolicy.skip, .overwrite, .append] {
            let writer = try SidecarWriter(format: .txt, policy: policy)
            for (name, code) in [("a.jpg", EISDIR), ("loop.jpg", ELOOP), (long, ENAMETOOLONG), ("gone/a.jpg", ENOENT)] {
                let image = image(name, in: folder.path)
                let error = CaptionError.sidecarUnwritable(path: image.location + ".txt", reason: SystemError(code))
                #expect(throws: error) { _ = try writer.caption(of: image) }
            }
        }
    }

    @Test func `a sidecar behind a link is written where it is`() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "texts/a.txt")
        try folder.link("a.jpg.txt", to: "texts/a.txt")
        let writer = try SidecarWriter(format: .txt, policy: .skip)
        #expect(try writer.write(try row("a.jpg"), at: 0, of: image("a.jpg", in: folder.path)))
        #expect(folder.text("texts/a.txt") == "A cat.\n")
        #expect(folder.files == ["a.jpg.txt", "texts", "texts/a.txt"])
    }

    @Test func `a JSON sidecar says of which image it is`() throws {
        let folder = try TemporaryFolder()
        let writer = try SidecarWriter(format: .json, policy: .skip)
        _ = try writer.write(try row("a.jpg", sha256: "h"), at: 0, of: image("a.jpg", in: folder.path))
        #expect(try writer.caption(of: image("a.jpg", in: folder.path)) == HeldCaption(sha256: "h"))
        #expect(throws: CaptionError.appendToJSONSidecar) { _ = try SidecarWriter(format: .json, policy: .append) }
    }
}

struct LineWriterTests {
    @Test func `lines come in the order of the walk, failures left out, one line each`() throws {
        nonisolated(unsafe) var lines: [String] = []
        let writer = LineWriter { lines.append($0) }
        _ = try writer.write(try row("c.jpg", "third"), at: 2, of: image("c.jpg"))
        try writer.pass(1)
        #expect(lines.isEmpty)
        _ = try writer.write(
            try row("a\tb\n\u{1B}[2J\u{7F}\u{9B}.jpg", "one\ntwo\tthree\u{7}"), at: 0, of: image("a"))
        #expect(lines == [#"a\tb\n\x1b[2J\x7f\x9b.jpg"# + "\tone two three\\x07", "c.jpg\tthird"])
    }
}
