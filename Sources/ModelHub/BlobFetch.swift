import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Fetches one file into the cache, however often the connection breaks.
struct BlobFetch {
    let client: HubClient
    let repository: CachedRepository
    let file: RemoteFile
    let commit: String
    /// The file at its commit.
    let url: HubURL
    let tell: @Sendable (PullEvent) -> Void

    func run() async throws {
        let lock = try await BlobLock.take(repository.lockPath(file.blob)) { tell(.waiting(file: file.path)) }
        defer { withExtendedLifetime(lock) {} }
        // Whoever had the lock before may have fetched it.
        if repository.holds(file) { return tell(.present(file: file.path, bytes: file.byteCount)) }
        let partial = try PartialBlob(repository.partialPath(file.blob), of: file)
        let resumed = partial.byteCount
        if resumed > 0 { tell(.resumed(file: file.path, bytes: resumed)) }
        try await complete(partial)
        if partial.hash != file.blob.name, resumed > 0 {
            // What was there may be the rest of a crash or of another tool.
            try discard(partial, reason: "what an earlier run left does not belong to the file")
            try await complete(partial)
        }
        guard partial.hash == file.blob.name else {
            partial.remove()
            throw HubError.wrongHash(file: file.path, expected: file.blob.name, found: partial.hash)
        }
        try partial.publish(as: repository.blobPath(file.blob))
        tell(.finished(file: file.path))
    }

    private func complete(_ partial: PartialBlob) async throws {
        var patience = RetryPatience()
        var furthest = partial.byteCount
        while !partial.isComplete {
            do {
                try await transfer(into: partial)
            } catch let error as HubError {
                if case .rangeRefused = error { try discard(partial, reason: "the hub does not go on from there") }
                let received = partial.byteCount - furthest
                furthest = max(furthest, partial.byteCount)
                guard let pause = patience.pause(after: error, received: received) else { throw error }
                tell(.retrying(after: pause, reason: error.description))
                try await client.configuration.pause(pause)
            }
        }
    }

    private func transfer(into partial: PartialBlob) async throws {
        let answer = try await client.open(url, from: partial.byteCount)
        try check(answer.facts)
        try checkPlace(answer, after: partial.byteCount)
        if answer.response.status == .ok, partial.byteCount > 0 {
            try discard(partial, reason: "the host sends the whole file anew")
        }
        try await client.translatingErrors(url) {
            for try await bytes in answer.response.body {
                guard bytes.readableBytes <= file.byteCount - partial.byteCount else {
                    partial.remove()
                    throw HubError.wrongSize(file: file.path, expected: file.byteCount, found: "more")
                }
                try partial.append(bytes)
                tell(.received(bytes: bytes.readableBytes))
            }
        }
        guard partial.isComplete else {
            throw HubError.broken(
                url: url.shown, reason: "it ended after \(partial.byteCount) of \(file.byteCount) bytes")
        }
    }

    /// The hub must not contradict its own list.
    private func check(_ facts: HubFacts) throws(HubError) {
        if let found = facts.commit, found != commit {
            throw .movedRevision(file: file.path, expected: commit, found: found)
        }
    }

    /// What comes must be the whole file, or go on where the partial one ends, and have the listed size: nothing that is
    /// there is given up for an answer of another kind.
    private func checkPlace(_ answer: HubClient.Answer, after present: Int) throws(HubError) {
        var start = 0
        if answer.response.status == .partialContent {
            guard let range = answer.response.headers.first(name: "content-range").flatMap(ContentRange.init),
                range.start == present, present > 0
            else { throw .broken(url: url.shown, reason: "another part came than was asked for") }
            if let total = range.total, total != file.byteCount {
                throw .wrongSize(file: file.path, expected: file.byteCount, found: "\(total)")
            }
            start = present
        }
        let length = answer.response.headers.first(name: "content-length").flatMap { Int($0) }
        if let length, length != file.byteCount - start {
            throw .wrongSize(file: file.path, expected: file.byteCount, found: "\(start + length)")
        }
    }

    private func discard(_ partial: PartialBlob, reason: String) throws(HubError) {
        tell(.discarded(file: file.path, bytes: partial.byteCount, reason: reason))
        try partial.reset()
    }
}
