import Models

/// Brings a model from a hub into the cache that Hugging Face's tools share.
public struct ModelPull: Sendable {
    let settings: HubSettings
    let reference: ModelReference
    /// Files at a time.
    let parallel: Int
    var configuration = HubClient.Configuration()
    let tell: @Sendable (PullEvent) -> Void

    public init(
        _ reference: ModelReference, settings: HubSettings, parallel: Int = 4, userAgent: String,
        tell: @escaping @Sendable (PullEvent) -> Void
    ) {
        self.reference = reference
        self.settings = settings
        self.parallel = parallel
        self.tell = tell
        configuration.userAgent = userAgent
    }

    /// Fetches what is not there yet; returns what `--model` takes, a folder or a GGUF file.
    ///
    /// - Throws: `HubError`; `CancellationError` when cancelled. What came so far is kept and not fetched again.
    public func run() async throws -> String {
        if settings.isOffline {
            guard let found = settings.cache.checkpoint(of: reference) else {
                throw HubError.offline("\(reference)", cache: settings.cache.folder)
            }
            return found
        }
        return try await HubClient.connected(to: settings, configuration) { try await run($0) }
    }

    private func run(_ client: HubClient) async throws -> String {
        let listing = try await persisting { try await list(client) }
        tell(.listed(commit: listing.commit))
        let repository = settings.cache.repository(reference.repository)
        try repository.prepare()
        let session = Session(pull: self, client: client, listing: listing, repository: repository)
        let selection = FileSelection(of: listing, in: reference.repository)
        let (files, result): ([RemoteFile], String)
        switch try selection.choice(file: reference.file) {
        case .file(let path):
            files = try await session.fetch([path])
            result = "/" + path
        case .checkpoint(let settings, let hasIndex):
            let described = try await session.fetch(settings)
            let index = hasIndex ? described.first { $0.path == FileSelection.index } : nil
            let shards = try index.map { try ShardIndex(contentsOf: repository.blobPath($0.blob)).files }
            files = described + (try await session.fetch(selection.weights(indexed: shards)))
            result = ""
        }
        try repository.publish(files, commit: listing.commit, revision: reference.revision)
        return repository.snapshotPath(listing.commit) + result
    }

    private func list(_ client: HubClient) async throws -> HubListing {
        let revision = RemotePath.encoded(reference.revision, asOneComponent: true)
        let url = try client.endpoint.appending("/api/models/\(reference.repository)/revision/\(revision)?blobs=true")
        return try HubListing(await client.content(of: url, limit: HubListing.longestText), from: url.shown)
    }

    /// Tries again where that may help, as for files.
    private func persisting<Result: Sendable>(_ work: () async throws -> Result) async throws -> Result {
        var patience = RetryPatience()
        while true {
            do { return try await work() } catch let error as HubError {
                guard let pause = patience.pause(after: error, received: 0) else { throw error }
                tell(.retrying(after: pause, reason: error.description))
                try await configuration.pause(pause)
            }
        }
    }

    /// Fetches files of one listing.
    private struct Session: Sendable {
        let pull: ModelPull
        let client: HubClient
        let listing: HubListing
        let repository: CachedRepository
        var tell: @Sendable (PullEvent) -> Void { pull.tell }

        /// Returns when all of `paths` are in the cache.
        func fetch(_ paths: [String]) async throws -> [RemoteFile] {
            let wanted = Set(paths)
            let files = try await inParallel(listing.entries.filter { wanted.contains($0.path) }) {
                try await complete($0)
            }
            // Two names for the same content are fetched once; the largest begin, so that the end is not spent on one.
            var blobs: Set<BlobID> = []
            let distinct = files.filter { blobs.insert($0.blob).inserted }.sorted { $0.byteCount > $1.byteCount }
            let needed = distinct.reduce(0) { $0 + repository.missingBytes(of: $1) }
            if let free = repository.freeBytes, needed > free {
                throw HubError.notEnoughSpace(folder: repository.folder, needed: needed, free: free)
            }
            for file in distinct { tell(.needed(file: file.path, bytes: file.byteCount)) }
            let present = distinct.filter(repository.holds)
            for file in present { tell(.present(file: file.path, bytes: file.byteCount)) }
            _ = try await inParallel(distinct.filter { !present.contains($0) }) { file in
                try await BlobFetch(
                    client: client, repository: repository, file: file, commit: listing.commit,
                    url: try address(of: file.path), tell: tell
                ).run()
            }
            return files
        }

        private func address(of path: String) throws(HubError) -> HubURL {
            try client.endpoint.appending(
                "/\(pull.reference.repository)/resolve/\(listing.commit)/\(RemotePath.encoded(path))")
        }

        /// Asks for what the list does not tell.
        private func complete(_ entry: HubListing.Entry) async throws -> RemoteFile {
            var (byteCount, blob) = (entry.byteCount, entry.blob)
            if byteCount == nil || blob == nil {
                let url = try address(of: entry.path)
                let facts = try await pull.persisting { try await client.facts(of: url) }
                if let found = facts.commit, found != listing.commit {
                    throw HubError.movedRevision(file: entry.path, expected: listing.commit, found: found)
                }
                byteCount = facts.byteCount
                blob = facts.etag.flatMap(BlobID.init)
            }
            guard let blob else { throw HubError.noHash(file: entry.path) }
            guard let byteCount, 0...RemoteFile.mostBytes ~= byteCount else {
                throw HubError.badListing(url: client.endpoint.shown, reason: "\(entry.path) has no size that can be")
            }
            return RemoteFile(path: entry.path, byteCount: byteCount, blob: blob)
        }

        /// `work` on every element, a few at a time; the first failure ends the others. Results come in no order.
        private func inParallel<Element: Sendable, Result: Sendable>(
            _ elements: [Element], _ work: @escaping @Sendable (Element) async throws -> Result
        ) async throws -> [Result] {
            try await withThrowingTaskGroup(of: Result.self) { group in
                var waiting = elements[...]
                for element in waiting.prefix(pull.parallel) { group.addTask { try await work(element) } }
                waiting = waiting.dropFirst(pull.parallel)
                var results: [Result] = []
                while let result = try await group.next() {
                    results.append(result)
                    if let element = waiting.popFirst() { group.addTask { try await work(element) } }
                }
                return results
            }
        }
    }
}
