import Foundation
import Testing

@testable import Captioning

struct DirectoryWalkerTests {
    private func paths(_ folder: TemporaryFolder, _ roots: String...) throws -> [String] {
        try DirectoryWalker().walk(roots.map { folder.path + $0 }).images.map(\.path)
    }

    @Test func `a directory's images come in byte order of their names, whatever their depth`() throws {
        let folder = try TemporaryFolder()
        for name in ["b.jpg", "a/z.PNG", "a/b/c.webp", "B.gif", "é.tiff", "notes.txt", "a.txt", "noextension"] {
            try folder.write("x", to: name)
        }
        #expect(try paths(folder, "") == ["B.gif", "a/b/c.webp", "a/z.PNG", "b.jpg", "é.tiff"])
    }

    @Test func `hidden files and folders are left out unless they are named`() throws {
        let folder = try TemporaryFolder()
        for name in [".a.jpg", ".cache/b.jpg", "c.jpg"] { try folder.write("x", to: name) }
        #expect(try paths(folder, "") == ["c.jpg"])
        #expect(try paths(folder, "/.cache") == ["b.jpg"])
        #expect(try paths(folder, "/.a.jpg") == [folder.path + "/.a.jpg"])
    }

    @Test func `a link that leads back up ends the walk there`() throws {
        let folder = try TemporaryFolder()
        try folder.write("x", to: "sub/a.jpg")
        try folder.link("sub/loop", to: folder.path)
        try folder.link("sub/self", to: "self")
        #expect(try paths(folder, "") == ["sub/a.jpg"])
    }

    @Test func `a file behind two roots or a link is counted once, under its first path`() throws {
        let folder = try TemporaryFolder()
        try folder.write("x", to: "sub/a.jpg")
        try folder.link("sub/b.jpg", to: "a.jpg")
        #expect(try paths(folder, "", "/sub", "/sub/a.jpg") == ["sub/a.jpg"])
    }

    @Test func `a link to an image elsewhere keeps its own place, for its sidecar`() throws {
        let (folder, store) = (try TemporaryFolder(), try TemporaryFolder())
        try store.write("x", to: "a.jpg")
        try folder.link("mine.jpg", to: store.path + "/a.jpg")
        let image = try #require(try DirectoryWalker().walk([folder.path]).images.first)
        #expect(image.path == "mine.jpg")
        #expect(image.location.hasSuffix("/mine.jpg"))
        #expect(image.byteCount == 1)
    }

    @Test func `two images of the same relative path keep distinct paths`() throws {
        let folder = try TemporaryFolder()
        for name in ["x/a.jpg", "y/a.jpg"] { try folder.write("x", to: name) }
        #expect(try paths(folder, "/x", "/y") == ["a.jpg", folder.path + "/y/a.jpg"])
    }

    @Test func `every image knows what its path is relative to`() throws {
        let folder = try TemporaryFolder()
        for name in ["x/a.jpg", "y/a.jpg", "z/a.jpg"] { try folder.write("x", to: name) }
        try folder.link("link", to: "z")
        let roots = ["x", "y", "lin*", "z/a.jpg"].map { folder.path + "/" + $0 }
        let real = try #require(DirectoryListing.canonical(folder.path))
        let found = try DirectoryWalker().walk(roots).images
        #expect(found.map(\.path) == ["a.jpg", folder.path + "/y/a.jpg", "link/a.jpg"])
        #expect(found.map(\.root) == [real + "/x", "/", real])
    }

    @Test func `a file given by name is taken at its word, whatever its extension`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("x", to: "picture.dat")
        #expect(try DirectoryWalker().walk([file]).images.map(\.path) == [file])
    }

    @Test func `what looks like an image and is none is reported`() throws {
        let folder = try TemporaryFolder()
        try folder.link("gone.jpg", to: "nowhere")
        #expect(mkfifo(folder.path + "/pipe.png", 0o600) == 0)
        try FileManager.default.createDirectory(atPath: folder.path + "/folder.jpg", withIntermediateDirectories: true)
        try folder.write("x", to: "folder.jpg/a.jpg")
        let walk = try DirectoryWalker().walk([folder.path])
        #expect(walk.images.map(\.path) == ["folder.jpg/a.jpg"])
        #expect(walk.problems.map(\.path) == ["gone.jpg", "pipe.png"])
        #expect(walk.problems.map(\.code) == ["broken_link", "not_a_file"])
    }

    @Test func `a name that is not UTF-8 is reported, not lost`() throws {
        let folder = try TemporaryFolder()
        let name = Array("\(folder.path)/".utf8) + [0xFF] + Array(".jpg".utf8) + [0]
        let file = name.withUnsafeBytes { fopen($0.baseAddress!.assumingMemoryBound(to: CChar.self), "w") }
        fclose(file)
        let walk = try DirectoryWalker().walk([folder.path])
        #expect(walk.images.isEmpty)
        #expect(walk.problems.map(\.code) == ["name_not_utf8"])
    }

    @Test func `names of every kind that a system allows are images of their own`() throws {
        let folder = try TemporaryFolder()
        let names = [
            "A.jpg", "a.jpg", "a\nb.jpg", "a\tb.jpg", "\u{1B}[31m.jpg", "-rf.jpg", "a b.jpg", "{stem}.jpg", "%00.jpg",
            "\u{E9}.jpg", String(repeating: "x", count: 251) + ".jpg",
        ]
        for name in names {
            let file = fopen(folder.path + "/" + name, "w")
            try #require(file != nil, "\(name)")
            fclose(file)
        }
        let walk = try DirectoryWalker().walk([folder.path])
        #expect(Set(walk.images.map { Array($0.path.utf8) }) == Set(names.map { Array($0.utf8) }))
        #expect(walk.images.count == names.count)
        #expect(walk.problems.isEmpty)
    }

    @Test func `of two names that differ only in how an accent is written the second is reported, not lost`() throws {
        let folder = try TemporaryFolder()
        try folder.write("x", to: "e\u{301}.jpg")
        try folder.write("x", to: "\u{E9}.jpg")
        try folder.link("link.jpg", to: folder.path + "/\u{E9}.jpg")
        let walk = try DirectoryWalker().walk([folder.path])
        #expect(walk.images.map { Array($0.path.utf8) } == [Array("e\u{301}.jpg".utf8)])
        #expect(walk.problems.map(\.code) == ["name_twin", "name_twin"])
        #expect(walk.problems.map { Array($0.path.utf8) } == [Array("link.jpg".utf8), Array("\u{E9}.jpg".utf8)])
    }

    @Test func `a path that is not there is an error that names it`() throws {
        #expect(throws: CaptionError.pathMissing("/no/such/place")) { try DirectoryWalker().walk(["/no/such/place"]) }
    }

    @Test func `limits end a walk instead of the machine's memory`() throws {
        let folder = try TemporaryFolder()
        for name in ["a.jpg", "b.jpg", "1/2/3/c.jpg"] { try folder.write("x", to: name) }
        var walker = DirectoryWalker()
        walker.maxDepth = 2
        let walk = try walker.walk([folder.path])
        #expect(walk.images.map(\.path) == ["a.jpg", "b.jpg"])
        #expect(walk.problems.map(\.code) == ["too_deep"])
        walker.maxImages = 1
        #expect(throws: CaptionError.tooManyImages(limit: 1)) { try walker.walk([folder.path]) }
    }

    @Test(arguments: [
        ("/*.jpg", ["a.jpg", "b.jpg"]), ("/?.jpg", ["a.jpg", "b.jpg"]), ("/[a]*", ["a.jpg"]),
        ("/[!a-b]*", ["deep/c.jpg", "deep/er/d.jpg"]),
        ("/**/*.jpg", ["a.jpg", "b.jpg", "deep/c.jpg", "deep/er/d.jpg"]), ("/deep/**/d.*", ["er/d.jpg"]),
        ("/d*", ["deep/c.jpg", "deep/er/d.jpg"]),
        ("/**", ["a.jpg", "b.jpg", "deep/c.jpg", "deep/er/d.jpg"]), ("/*.png", []), ("/*/*.jpg", ["deep/c.jpg"]),
    ])
    func `a glob finds what a shell would`(pattern: String, expected: [String]) throws {
        let folder = try TemporaryFolder()
        for name in ["a.jpg", "b.jpg", "deep/c.jpg", "deep/er/d.jpg", ".hidden/e.jpg"] {
            try folder.write("x", to: name)
        }
        #expect(try paths(folder, pattern) == expected)
    }

    @Test func `a name with wildcards that exists is itself`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("x", to: "what[1]?.jpg")
        #expect(try paths(folder, "/what[1]?.jpg") == [file])
    }

    @Test func `a changed file has another key and the same path`() throws {
        let folder = try TemporaryFolder()
        try folder.write("one", to: "a.jpg")
        let before = try #require(try DirectoryWalker().walk([folder.path]).images.first)
        try folder.write("three", to: "a.jpg")
        let after = try #require(try DirectoryWalker().walk([folder.path]).images.first)
        #expect(before.key != after.key)
        #expect(before.path == after.path)
    }
}
