import Foundation
import Jobs
import Models
import Testing
import Workers

@testable import Captioning

/// Jobs that are filled by walking a directory.
@Suite(.timeLimit(.minutes(5)))
struct DirectoryJobTests {
    let folder: TemporaryFolder
    let store: JobStore
    let root: String

    init() throws {
        folder = try TemporaryFolder()
        store = try JobStore(path: folder.path + "/docent.sqlite")
        root = try #require(DirectoryListing.canonical(folder.path)) + "/images"
    }

    private func job(_ prompt: String = "What is {stem}?") async throws -> JobID {
        let card = ModelCard(name: "m", family: "test", weightsHash: "00", parameterCount: 0, created: 0)
        var recipe = try Recipe(prompt: prompt)
        recipe.maxTiles = 3
        let order = BulkOrder(recipe, path: root, model: card, metadata: ["a": "b"])
        let job = NewJob(
            kind: DirectoryJob.kind, label: "x", model: "m", specification: try order.specification)
        return try await store.create(job, isSealed: false).job.id
    }

    private var directories: DirectoryJob {
        DirectoryJob(store: store) { [root] in $0 == root || $0.hasPrefix(root + "/") }
    }

    private func work(_ request: StoredRequest) throws -> ChatWork {
        try JSONDecoder().decode(ChatWork.self, from: Data(request.payload.utf8))
    }

    @Test func `every image is asked about once, however often the walk begins`() async throws {
        for number in 0..<700 { try folder.write("x", to: "images/\(number % 7)/\(number).jpg") }
        let job = try await job()
        #expect(try await store.append([NewRequest(key: "3/3.jpg", payload: "kept")], to: job) == 1)
        try await directories.fill(job)
        let filled = try #require(try await store.job(job))
        #expect(filled.isSealed && filled.counts.waiting == 700)
        let kept = try await store.requests(of: job, limit: 1).first
        #expect(kept?.payload == "kept")
        let requests = try await store.requests(of: job, limit: 3)
        let first = try work(requests[1])
        #expect(requests[1].key == "0/0.jpg" && first.images == [.file(root + "/0/0.jpg")] && first.maxTiles == 3)
        #expect(first.messages.last?.content.last == .text("What is 0?"))
        try await directories.fill(job)
        #expect(try await store.job(job)?.counts.waiting == 700)
    }

    @Test func `links that lead out are failures that a retry does not read`() async throws {
        try folder.write("x", to: "images/a.jpg")
        try folder.write("x", to: "secret/b.jpg")
        try folder.link("images/inside.jpeg", to: "a.jpg")
        try folder.link("images/out.jpg", to: folder.path + "/secret/b.jpg")
        try folder.link("images/way", to: folder.path + "/secret")
        let job = try await job()
        try await directories.fill(job)
        let failed = try await store.requests(of: job, state: .failed, limit: 9)
        #expect(failed.map(\.key) == ["out.jpg", "way"])
        #expect(failed.allSatisfy { $0.failure?.code == "link_leads_out" })
        for request in failed { #expect(try work(request).images == [.url("file:")]) }
        let waiting = try await store.requests(of: job, state: .waiting, limit: 9)
        #expect(try waiting.map { try work($0).images } == [[.file(root + "/a.jpg")]])
    }

    @Test func `a directory that is gone, or no longer open, ends the job with a failure`() async throws {
        let job = try await job()
        try await directories.fill(job)
        let done = try #require(try await store.job(job))
        #expect(done.state == .failed && done.counts.failed == 1)
        try folder.write("x", to: "images/a.jpg")
        let closed = try await self.job()
        try await DirectoryJob(store: store) { _ in false }.fill(closed)
        #expect(try await store.requests(of: closed, limit: 9).map(\.state) == [.failed])
    }

    @Test func `a cancelled job is not filled any further`() async throws {
        try folder.write("x", to: "images/a.jpg")
        let job = try await job()
        _ = try await store.cancel(job)
        try await directories.fill(job)
        #expect(try await store.job(job)?.counts.total == 0)
    }

    @Test func `a walk that is stopped leaves the job open`() async throws {
        for number in 0..<300 { try folder.write("x", to: "images/\(number).jpg") }
        let job = try await job()
        let filling = Task { [directories] in
            withUnsafeCurrentTask { $0?.cancel() }
            try await directories.fill(job)
        }
        await #expect(throws: (any Error).self) { try await filling.value }
        #expect(try await store.job(job)?.isSealed == false)
        try await directories.fill(job)
        #expect(try await store.job(job)?.counts.waiting == 300)
    }
}
