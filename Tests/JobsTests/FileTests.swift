import Foundation
import Testing

@testable import Jobs

/// Files: names for blobs, with a life of their own.
struct FileTests {
    let workplace = Workplace()

    private func add(
        _ text: String, to store: JobStore, purpose: String = "batch", lifetime: Duration? = nil
    ) async throws -> StoredFile {
        let blob = try await store.blobs.put(Array(text.utf8))
        return try await store.add(
            NewFile(blob: blob, bytes: text.utf8.count, purpose: purpose, filename: "ä.jsonl", lifetime: lifetime))
    }

    @Test func `a file is found until it is removed, and its bytes as long as another file has them`() async throws {
        let store = try workplace.store()
        let (one, other) = (try await add("same", to: store), try await add("same", to: store))
        #expect(one.blob == other.blob && one.id != other.id)
        #expect(try await store.file(one.id) == one)
        #expect(try await store.removeFile(one.id))
        #expect(try await store.file(one.id) == nil)
        #expect(try await store.removeFile(one.id) == false)

        workplace.clock.advance(by: .seconds(7200))
        _ = try await store.prune(finishedBefore: workplace.clock.now())
        #expect(try await store.blobs.bytes(of: other.blob) == Array("same".utf8))
        #expect(try await store.removeFile(other.id))
        _ = try await store.prune(finishedBefore: workplace.clock.now())
        await #expect(throws: JobStoreError.unknownBlob(other.blob)) { try await store.blobs.bytes(of: other.blob) }
    }

    @Test func `an expired file is as if it were not there, and then it is not`() async throws {
        let store = try workplace.store()
        let file = try await add("short-lived", to: store, lifetime: .seconds(3600))
        #expect(file.expiresAt == file.createdAt + .seconds(3600))
        workplace.clock.advance(by: .milliseconds(3_599_999))
        #expect(try await store.files(limit: 9) == [file])
        workplace.clock.advance(by: .milliseconds(1))
        #expect(try await store.file(file.id) == nil)
        #expect(try await store.files(limit: 9).isEmpty)
        #expect(try await store.removeFile(file.id) == false)
        #expect(try await store.create(NewBatch(inputFile: file.id, endpoint: "/e", completionWindow: "24h")) == nil)
        workplace.clock.advance(by: .seconds(3600))
        _ = try await store.prune(finishedBefore: workplace.clock.now())
        await #expect(throws: JobStoreError.unknownBlob(file.blob)) { try await store.blobs.bytes(of: file.blob) }
    }

    @Test func `pages hold every file once, in both orders, whatever is added and removed meanwhile`() async throws {
        let store = try workplace.store()
        var added: [FileID] = []
        for number in 0..<25 {
            added.append(try await add("\(number)", to: store, purpose: number % 5 == 0 ? "vision" : "batch").id)
        }
        var seen: [FileID] = []
        while case let page = try await store.files(after: seen.last, limit: 4), !page.isEmpty {
            seen += page.map(\.id)
            _ = try await store.removeFile(page[page.count - 1].id)
            _ = try await add("new", to: store)
        }
        #expect(seen == added.reversed())
        let vision = try await store.files(purpose: "vision", oldestFirst: true, limit: 99).map(\.id)
        #expect(vision == stride(from: 0, to: 25, by: 5).map { added[$0] }.filter { vision.contains($0) })
        #expect(
            try await store.files(purpose: "vision", after: vision[0], oldestFirst: true, limit: 1).map(\.id) == [
                vision[1]
            ])
    }

    @Test func `bytes that come in pieces become the same blob, and nothing is left of those that were not finished`()
        async throws
    {
        let store = try workplace.store()
        let bytes = (0..<700_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        do {
            let abandoned = try await store.blobs.writer()
            try await abandoned.write(bytes)
        }
        let writer = try await store.blobs.writer()
        for start in stride(from: 0, to: bytes.count, by: 99_991) {
            try await writer.write(Array(bytes[start..<min(start + 99_991, bytes.count)]))
        }
        #expect(writer.size == bytes.count)
        let (id, size) = try await writer.finish()
        #expect(id == BlobID(hashing: bytes) && size == bytes.count)
        #expect(try await store.blobs.bytes(of: id) == bytes)
        let again = try await store.blobs.writer()
        try await again.write(bytes)
        #expect(try await again.finish().id == id)
        #expect(try FileManager.default.contentsOfDirectory(atPath: workplace.path + ".blobs/incoming").isEmpty)

        let reader = try await store.blobs.reader(of: id, bytes: size)
        #expect(try await reader.bytes(at: 700_000, count: 10) == [bytes[700_000]])
        #expect(try await reader.bytes(at: 300_000, count: 3) == Array(bytes[300_000..<300_003]))
        #expect(try await reader.bytes(at: 700_001, count: 10) == [])
        let path = store.blobs.path(of: id)
        await #expect(throws: JobStoreError.damagedBlob(id, path: path)) {
            try await store.blobs.reader(of: id, bytes: size + 1)
        }
    }

    @Test func `a file of the user's goes in and comes out the same, and a damaged one does not come out`() async throws
    {
        let store = try workplace.store()
        let (source, target) = (workplace.directory + "/in", workplace.directory + "/out")
        try Data("some lines".utf8).write(to: URL(filePath: source))
        let (id, size) = try await store.blobs.take(fileAt: source)
        try await store.blobs.export(id, bytes: size, to: target)
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "some lines")

        try Data("some other".utf8).write(to: URL(filePath: store.blobs.path(of: id)))
        await #expect(throws: JobStoreError.damagedBlob(id, path: store.blobs.path(of: id))) {
            try await store.blobs.export(id, bytes: size, to: target)
        }
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "some lines")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workplace.directory).contains("out.partial") == false)
    }
}
