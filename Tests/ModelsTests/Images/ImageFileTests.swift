import Foundation
import Models
import Testing

/// Paths are as hostile as bytes.
@Suite struct ImageFileTests {
    static func failure(_ path: String, limits: ImageLimits = ImageLimits()) -> ImageError? {
        do throws(ImageError) {
            _ = try ImageDecoder.decode(contentsOf: path, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    /// Runs `body` with a new directory and removes it.
    static func withDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "images-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }

    @Test(arguments: [
        ("/nowhere/at/all.jpg", "No such file"), ("/dev/zero", "not a regular file"), ("/", "not a regular file"),
        ("/tmp/a\u{0}b.jpg", "NUL"), ("/proc/self/status", "length changed"),
    ])
    func `a path that holds no file of known length is unreadable`(path: String, cause: String) throws {
        let error = try #require(Self.failure(path))
        #expect(error.code == "image_unreadable" && error.name == path)
        #expect(error.description.contains(cause))
    }

    @Test func `a FIFO is refused without waiting for a writer`() throws {
        try Self.withDirectory { directory in
            let path = directory.appending(path: "pipe.jpg").path(percentEncoded: false)
            try #require(mkfifo(path, 0o600) == 0)
            #expect(Self.failure(path)?.code == "image_unreadable")
        }
    }

    @Test func `an empty file and one over the limit are told apart before they are read`() throws {
        try Self.withDirectory { directory in
            let empty = directory.appending(path: "empty.png")
            try Data().write(to: empty)
            #expect(Self.failure(empty.path(percentEncoded: false))?.code == "image_empty")
            let sparse = directory.appending(path: "sparse.png")
            try Data().write(to: sparse)
            let handle = try FileHandle(forWritingTo: sparse)
            try handle.truncate(atOffset: 1 << 40)
            try handle.close()
            #expect(Self.failure(sparse.path(percentEncoded: false))?.code == "image_too_large")
        }
    }

    @Test func `one bad file does not stop the run`() throws {
        try Self.withDirectory { directory in
            try Data("not an image".utf8).write(to: directory.appending(path: "b.jpg"))
            let paths =
                ["420.jpg", "missing.jpg", "rgb.png"].map(ImageFixtures.path)
                + [directory.appending(path: "b.jpg").path(percentEncoded: false)]
            #expect(paths.map { Self.failure($0)?.code } == [nil, "image_unreadable", nil, "image_unsupported"])
        }
    }
}
