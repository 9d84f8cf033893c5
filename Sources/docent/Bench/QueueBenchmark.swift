import Foundation
import Jobs

/// Times the queue where its database would lie: what is stored, handed out and committed in a second, durably, and how
/// long the disk takes to make anything durable, without which the rest says little.
struct QueueBenchmark {
    typealias Figure = BenchReport.Figure

    /// What a caption's row carries, about.
    private static let payload = String(repeating: "p", count: 512)
    private static let result = String(repeating: "r", count: 800)
    private static let model = "bench"

    /// For a database of its own, in a folder of its own.
    private let folder: URL
    /// How long each figure is measured.
    private let time: Duration

    /// - Parameter folder: where the disk to be measured is; it is made if it is missing.
    init(in folder: String, time: Duration = .seconds(2)) throws {
        self.folder = URL(filePath: folder).appending(path: "bench-\(UUID().uuidString)")
        self.time = time
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    func figures() async throws -> [Figure] {
        defer { try? FileManager.default.removeItem(at: folder) }
        var figures = [try sync("before")]
        for count in [1, 10, 100, 1000] { figures.append(try await enqueue(count)) }
        for count in [1, 8, 64] { figures.append(try await claimAndComplete(count)) }
        return figures + [try sync("after")]
    }

    /// Requests a second that one client adds to a job, `count` a transaction.
    private func enqueue(_ count: Int) async throws -> Figure {
        try await withStore { store in
            let job = try await newJob(in: store)
            var added = 0
            return try await rate("queue: enqueue, \(count) a transaction", "requests/s") {
                added += count
                _ = try await store.append(Self.requests(from: added, count), to: job.id)
                return count
            }
        }
    }

    /// Requests a second that are handed out and answered, `count` in hand at a time, each answer a call of its own: those
    /// that come together are committed together.
    private func claimAndComplete(_ count: Int) async throws -> Figure {
        try await withStore { store in
            let job = try await newJob(in: store)
            let worker = WorkerID(rawValue: "bench")
            // More than can be done in the time: adding is not to be measured.
            for chunk in 0..<(count < 64 ? 4 : 20) {
                _ = try await store.append(Self.requests(from: chunk * 5000, 5000), to: job.id)
            }
            return try await rate("queue: claim and complete, \(count) at a time", "requests/s") {
                let claims = try await store.claim(upTo: count, of: .model(Self.model), for: worker)
                try await withThrowingTaskGroup { group in
                    for claim in claims { group.addTask { _ = try await store.complete(claim, result: Self.result) } }
                    try await group.waitForAll()
                }
                return claims.count
            }
        }
    }

    /// Milliseconds until four appended kilobytes are on the disk.
    private func sync(_ moment: String) throws -> Figure {
        let file = try FileHandle.created(at: folder.appending(path: "sync-\(UUID().uuidString)"))
        defer { try? file.close() }
        let page = Data(repeating: 0, count: 4096)
        let times = try (0..<100).map { _ in
            let start = ContinuousClock.now
            try file.write(contentsOf: page)
            try file.synchronize()
            return (ContinuousClock.now - start) / .milliseconds(1)
        }.sorted()
        return Figure(
            name: "queue: sync of the disk, \(moment)", value: times[50], unit: "ms",
            spread: (times[90] - times[10]) / 2 / times[50])
    }

    // MARK: Around it

    private func withStore(_ body: (JobStore) async throws -> Figure) async throws -> Figure {
        let store = try JobStore(path: folder.appending(path: "\(UUID().uuidString).sqlite").path)
        do {
            let figure = try await body(store)
            try await store.close()
            return figure
        } catch {
            try? await store.close()
            throw error
        }
    }

    private func newJob(in store: JobStore) async throws -> Job {
        try await store.openJob(NewJob(kind: "bench", label: "bench", model: Self.model)).job
    }

    private static func requests(from number: Int, _ count: Int) -> [NewRequest] {
        (number..<number + count).map { NewRequest(key: "request-\($0)", payload: payload) }
    }

    /// The median rate of ten parts of the time; `body` says how many it did.
    private func rate(_ name: String, _ unit: String, _ body: () async throws -> Int) async throws -> Figure {
        _ = try await body()
        var rates: [Double] = []
        for _ in 0..<10 {
            let start = ContinuousClock.now
            var count = 0
            while ContinuousClock.now - start < time / 10 {
                let done = try await body()
                guard done > 0 else { break }
                count += done
            }
            guard count > 0 else { break }
            rates.append(Double(count) / ((ContinuousClock.now - start) / .seconds(1)))
        }
        rates.sort()
        let median = rates[rates.count / 2]
        return Figure(
            name: name, value: median, unit: unit, spread: (rates[rates.count - 1] - rates[0]) / 2 / median)
    }
}

extension FileHandle {
    fileprivate static func created(at url: URL) throws -> FileHandle {
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }
}
