import Foundation
import GRDB
import Testing

@testable import Jobs

struct BlobStoreTests {
    let workplace = Workplace()
    let cat = Array("a picture of a cat".utf8)

    private var files: [String] {
        let all = FileManager.default.enumerator(atPath: workplace.path + ".blobs")?.compactMap { $0 as? String } ?? []
        return all.filter { $0.contains("/") }.sorted()
    }

    @Test func `bytes are stored once under their hash and read back`() async throws {
        let store = try workplace.store()
        let id = try await store.blobs.put(cat)
        #expect(id == BlobID(hashing: cat))
        #expect(try await store.blobs.put(cat) == id)
        #expect(try await store.blobs.bytes(of: id) == cat)
        #expect(files == ["\(id.rawValue.prefix(2))/\(id.rawValue.dropFirst(2))"])
        let empty = try await store.blobs.put([])
        #expect(empty.rawValue == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(try await store.blobs.bytes(of: empty) == [])
    }

    @Test func `many putters of the same and of other bytes all succeed`() async throws {
        let store = try workplace.store()
        let ids = try await withThrowingTaskGroup(of: BlobID.self) { group in
            for number in 0..<40 { group.addTask { try await store.blobs.put([UInt8(number % 4)]) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ids.count == 4 && files.count == 4)
    }

    @Test func `changed bytes are found out, and putting them again repairs a truncated file`() async throws {
        let store = try workplace.store()
        let id = try await store.blobs.put(cat)
        let path = store.blobs.path(of: id)
        try Data("a picture of a dog".utf8).write(to: URL(filePath: path))
        await #expect(throws: JobStoreError.damagedBlob(id, path: path)) { try await store.blobs.bytes(of: id) }
        try Data("a pic".utf8).write(to: URL(filePath: path))
        #expect(try await store.blobs.put(cat) == id)
        #expect(try await store.blobs.bytes(of: id) == cat)
    }

    @Test(arguments: [
        "", "abc", "../../../etc/passwd", String(repeating: "A", count: 64), String(repeating: "0", count: 64),
    ])
    func `a name that is no stored blob is unknown, whatever it looks like`(name: String) async throws {
        let store = try workplace.store()
        let id = BlobID(rawValue: name)
        await #expect(throws: JobStoreError.unknownBlob(id)) { try await store.blobs.bytes(of: id) }
    }

    @Test func `a blob over the limit is refused`() async throws {
        let store = try workplace.store { $0.blobSizeLimit = 10 }
        await #expect(throws: JobStoreError.blobTooLarge(bytes: 11, limit: 10)) {
            try await store.blobs.put(Array(repeating: 0, count: 11))
        }
        _ = try await store.blobs.put(Array(repeating: 0, count: 10))
        #expect(files.count == 1)
    }

    @Test func `what a dead process was writing is swept on opening`() async throws {
        try await workplace.store().close()
        let left = workplace.path + ".blobs/incoming/123-1"
        try Data([1]).write(to: URL(filePath: left))
        _ = try workplace.store()
        #expect(!FileManager.default.fileExists(atPath: left))
    }

    @Test func `blobs live as long as a request refers to them, and unreferenced ones through the grace period`()
        async throws
    {
        let store = try workplace.store()
        let kept = try await store.blobs.put(cat)
        let fresh = try await store.blobs.put([1])
        let (job, _) = try await store.submit(.bulk(), [NewRequest(key: "a", payload: "{}", blobs: [kept, kept])])
        workplace.clock.advance(by: .seconds(3000))
        #expect(try await store.prune(finishedBefore: workplace.clock.now()) == 0)
        #expect(files.count == 2)

        workplace.clock.advance(by: .seconds(3000))
        _ = try await store.prune(finishedBefore: workplace.clock.now())
        await #expect(throws: JobStoreError.unknownBlob(fresh)) { try await store.blobs.bytes(of: fresh) }
        #expect(try await store.blobs.bytes(of: kept) == cat)

        _ = try await store.cancel(job.id)
        workplace.clock.advance(by: .seconds(1))
        #expect(try await store.prune(finishedBefore: workplace.clock.now()) == 1)
        #expect(files.isEmpty)
        #expect(try await store.blobs.put(cat) == kept)
        #expect(try await store.blobs.bytes(of: kept) == cat)
    }

    @Test func `a disk that takes no file is one typed error`() async throws {
        let store = try workplace.store()
        let folder = workplace.path + ".blobs/" + BlobID(hashing: cat).rawValue.prefix(2)
        try Data().write(to: URL(filePath: folder))
        await #expect(throws: JobStoreError.self) { try await store.blobs.put(cat) }
    }
}
