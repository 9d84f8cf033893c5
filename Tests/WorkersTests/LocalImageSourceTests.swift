import Foundation
import Jobs
import Testing
import Workers

struct LocalImageSourceTests {
    private func failure(_ path: String, maxBytes: Int = 100) async throws -> RequestFailure? {
        try await failure(maxBytes: maxBytes) { _ in .file(path) }
    }

    private func failure(
        maxBytes: Int, of reference: (BlobStore) async throws -> ImageReference
    ) async throws -> RequestFailure? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "source-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try JobStore(path: folder.appending(path: "docent.sqlite").path)
        let source = LocalImageSource(blobs: store.blobs, maxBytes: maxBytes)
        let result: RequestFailure?
        do {
            _ = try await source.bytes(of: try await reference(store.blobs))
            result = nil
        } catch {
            result = error as? RequestFailure
        }
        try await store.close()
        return result
    }

    @Test(arguments: [
        ("/dev/zero", "image_unreadable", "not a regular file"), ("/nowhere.jpg", "image_unreadable", "No such file"),
        ("/proc/self/status", "image_unreadable", "length changed"),
        (#filePath, "image_too_large", "--max-image-bytes"),
    ])
    func `a path that gives no whole file within the limit fails for good`(
        path: String, code: String, cause: String
    ) async throws {
        let failure = try #require(try await failure(path))
        #expect(failure.code == code && !failure.isRetryable)
        #expect(failure.message.hasPrefix(path + ": ") && failure.message.contains(cause))
    }

    @Test func `the limit is the one that was given`() async throws {
        #expect(try await failure(#filePath, maxBytes: 1 << 20) == nil)
    }

    @Test func `a blob that is no image's size is not read, for uploaded files may be large`() async throws {
        let blob: (BlobStore) async throws -> ImageReference = {
            .blob(try await $0.put([UInt8](repeating: 1, count: 101)))
        }
        #expect(try await failure(maxBytes: 100, of: blob)?.code == "image_too_large")
        #expect(try await failure(maxBytes: 101, of: blob) == nil)
    }
}
