import Captioning
import Foundation
import Jobs
import Logging
import Models
import Testing
import Workers

@testable import HTTPAPI
@testable import docent

/// Orders of clients as they are stored: questions about images, and what becomes of the answers.
@Suite struct RecipeJobsTests {
    private let folder: URL
    private let store: JobStore
    private let jobs: RecipeJobs

    init() throws {
        folder = URL(filePath: NSTemporaryDirectory()).appending(path: "recipe-jobs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        store = try JobStore(path: folder.appending(path: "docent.sqlite").path)
        jobs = RecipeJobs(
            store: store,
            model: ModelCard(name: "m", family: "test", weightsHash: "00", parameterCount: 0, created: 0),
            roots: AllowedRoots(), logger: Logger(label: "test"))
    }

    private func upload(_ content: String, as name: String) async throws -> StoredFile {
        let blob = try await store.blobs.put(Array(content.utf8))
        return try await store.add(NewFile(blob: blob, bytes: content.utf8.count, purpose: "vision", filename: name))
    }

    private func end() async throws {
        try await store.close()
        try FileManager.default.removeItem(at: folder)
    }

    @Test func `uploaded files are asked about by their bytes and found by their ids`() async throws {
        let files = [try await upload("a cat", as: "cat.jpg"), try await upload("a dog", as: "dog.png")]
        var order = JobOrder(question: .prompt("What is {stem}?"), images: .files(files.map(\.id)))
        order.deduplicationKey = "once"
        let (job, isNew) = try await jobs.accept(order)
        #expect(isNew && job.kind == "files" && job.label == "2 uploaded images" && job.isSealed)
        let requests = try await store.requests(of: job.id, limit: 9)
        #expect(requests.map(\.key) == files.map(\.id.rawValue))
        let work = try JSONDecoder().decode(ChatWork.self, from: Data(requests[1].payload.utf8))
        #expect(work.images == [.blob(files[1].blob)])
        #expect(work.messages.last?.content.last == .text("What is dog?"))
        #expect(try await jobs.accept(order).isNew == false)
        // The bytes stay as long as somebody may ask about them.
        #expect(try await store.removeFile(files[1].id))
        #expect(try await store.blobs.bytes(of: files[1].blob) == Array("a dog".utf8))

        order.images = .files([files[0].id])
        await #expect(throws: JobRefusal.otherOrder(job.id)) { try await jobs.accept(order) }
        try await end()
    }

    @Test func `a file that is not there is named`() async throws {
        let file = try await upload("a cat", as: "cat.jpg")
        let order = JobOrder(question: .prompt("p"), images: .files([file.id, FileID(rawValue: "file-none")]))
        await #expect(throws: JobRefusal.invalid(param: "file_ids.1", reason: "There is no file file-none.")) {
            try await jobs.accept(order)
        }
        #expect(try await store.jobs(limit: 9).isEmpty)
        try await end()
    }

    @Test func `a recipe's steps make captions of answers, and jobs without a recipe have none`() async throws {
        let file = try await upload("a cat", as: "cat.jpg")
        let (tags, _) = try await jobs.accept(JobOrder(question: .recipe(name: "tags"), images: .files([file.id])))
        let joined = try #require(jobs.postprocessing(of: tags))
        #expect(joined(" - Cat\n- dog, cat.\n") == "cat, dog")
        let (prompt, _) = try await jobs.accept(JobOrder(question: .prompt("p"), images: .files([file.id])))
        let trimmed = try #require(jobs.postprocessing(of: prompt))
        #expect(trimmed(" A cat.\n") == "A cat.")
        let plain = NewJob(kind: "chat", label: "x", model: "m")
        let (job, _) = try await store.create(plain, isSealed: false)
        #expect(jobs.postprocessing(of: job) == nil)
        try await end()
    }
}
