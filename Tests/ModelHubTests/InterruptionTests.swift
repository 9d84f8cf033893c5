import Foundation
import LoopbackHub
import Testing

@testable import ModelHub

/// Connections that break, processes that end, and hosts that do not continue.
struct InterruptionTests {
    private static let name = "model.safetensors"
    private static var size: Int { HubRepository.weights.count }

    private func expectWhole(_ bench: PullBench, _ folder: String) {
        #expect(bench.content(folder + "/" + Self.name) == HubRepository.weights)
        #expect(bench.names(in: "blobs").allSatisfy { !$0.hasSuffix(".incomplete") })
    }

    @Test func `a file whose connection breaks goes on where it stood`() async throws {
        let bench = try PullBench(onFiles: { request, honest in
            request.number < 3 ? honest.ending(.cut(after: 70_000)) : honest
        })
        expectWhole(bench, try await bench.pull())
        // What the client had not handed on when the connection broke is lost.
        #expect(bench.starts.count == 4 && bench.starts == bench.starts.sorted())
        #expect(zip(bench.starts, [0, 70_000, 140_000, 210_000]).allSatisfy { $0 <= $1 } && bench.starts[1] > 0)
        #expect(bench.receivedBytes == Self.size + bench.smallBytes)
        #expect(bench.pauses == [.seconds(1), .seconds(2), .seconds(4)])
    }

    @Test func `what an earlier run left is not fetched again`() async throws {
        let bench = try PullBench()
        try bench.leavePartial(Array(HubRepository.weights.prefix(123_456)), of: Self.name)
        expectWhole(bench, try await bench.pull())
        #expect(bench.starts == [123_456])
        #expect(bench.receivedBytes == Self.size - 123_456 + bench.smallBytes)
    }

    @Test func `a part that is whole already is checked and needs no request`() async throws {
        let bench = try PullBench()
        try bench.leavePartial(HubRepository.weights, of: Self.name)
        expectWhole(bench, try await bench.pull())
        #expect(bench.starts == [])
    }

    @Test(arguments: [1000, 300_000, 300_001, 900_000])
    func `a part that does not belong to the file is thrown away`(count: Int) async throws {
        let bench = try PullBench()
        try bench.leavePartial(HubRepository.noise(count, seed: 7), of: Self.name)
        expectWhole(bench, try await bench.pull())
        #expect(bench.starts.last == 0)
    }

    @Test func `a host that knows no ranges sends the file anew`() async throws {
        let bench = try PullBench(onFiles: { request, honest in
            HubReply(200, body: HubRepository.weights).ending(request.number == 0 ? .cut(after: 50_000) : .whole)
        })
        expectWhole(bench, try await bench.pull())
        #expect(bench.starts.count == 2 && (1...50_000).contains(bench.starts[1]))
    }

    @Test func `a host that knows no ranges and always breaks off is given up`() async throws {
        let bench = try PullBench(onFiles: { _, _ in
            HubReply(200, body: HubRepository.weights).ending(.cut(after: 50_000))
        })
        guard case .broken = await bench.failure() else { return #expect(Bool(false)) }
        #expect(bench.starts.count == RetryPatience.mostTriesInVain + 1)
    }

    @Test func `a range that is refused begins anew`() async throws {
        let bench = try PullBench(onFiles: { request, honest in request.start == nil ? honest : HubReply(416) })
        try bench.leavePartial(Array(HubRepository.weights.prefix(1000)), of: Self.name)
        expectWhole(bench, try await bench.pull())
        #expect(bench.starts == [1000, 0])
    }

    @Test func `a part of another place is not taken`() async throws {
        let bench = try PullBench(onFiles: { request, honest in
            guard request.start != nil, request.number == 0 else { return honest }
            return honest.with(["Content-Range": "bytes 5-\(Self.size - 1)/\(Self.size)"])
        })
        try bench.leavePartial(Array(HubRepository.weights.prefix(1000)), of: Self.name)
        expectWhole(bench, try await bench.pull())
        #expect(bench.starts == [1000, 1000])
    }

    @Test func `a host that falls silent is asked again`() async throws {
        let bench = try PullBench(onFiles: { request, honest in
            request.number == 0 ? honest.ending(.silence(after: 9000)) : honest
        })
        expectWhole(bench, try await bench.pull(silence: .seconds(1)))
        #expect(bench.starts.prefix(2) == [0, 9000])
        #expect(
            bench.events.contains {
                if case .retrying(_, let reason) = $0 { reason.contains("Nothing came") } else { false }
            })
    }

    @Test func `a pull that is cancelled keeps what came and goes on from it`() async throws {
        let bench = try PullBench(onFiles: { request, honest in
            request.number == 0 ? honest.ending(.silence(after: 40_000)) : honest
        })
        let pull = Task { try await bench.pull() }
        let partial = bench.cached.partialPath(bench.blob(of: Self.name))
        while bench.content(partial)?.count != 40_000 { try await Task.sleep(for: .milliseconds(5)) }
        pull.cancel()
        await #expect(throws: CancellationError.self) { try await pull.value }
        #expect(bench.names(in: "snapshots") == [] && bench.names(in: "refs") == [])
        #expect(bench.cache.checkpoint(of: try ModelReference("owner/model")) == nil)
        expectWhole(bench, try await bench.pull())
        #expect(bench.starts == [0, 40_000])
    }

    @Test func `two pulls at once fetch each file once`() async throws {
        let bench = try PullBench(onFiles: { request, honest in
            request.number == 0 ? honest.ending(.cut(after: 100_000)) : honest
        })
        async let first = bench.pull()
        async let second = bench.pull()
        #expect(try await first == second)
        expectWhole(bench, try await first)
        #expect(bench.starts.count == 2 && (1...100_000).contains(bench.starts[1]))
    }

    @Test func `a file that another process has locked is waited for`() async throws {
        let bench = try PullBench()
        try bench.cached.prepare()
        let blob = bench.blob(of: Self.name)
        var lock = try BlobLock.tryTaking(bench.cached.lockPath(blob))
        #expect(try lock != nil && BlobLock.tryTaking(bench.cached.lockPath(blob)) == nil)
        let pull = Task { try await bench.pull() }
        while !bench.events.contains(.waiting(file: Self.name)) { try await Task.sleep(for: .milliseconds(5)) }
        try Data(HubRepository.weights).write(to: URL(filePath: bench.cached.blobPath(blob)))
        withExtendedLifetime(lock) {}
        lock = nil
        expectWhole(bench, try await pull.value)
        #expect(bench.starts == [])
    }

    @Test func `a file that was removed, or another of its name, is not the one to lock`() throws {
        let bench = try PullBench()
        let path = bench.home.appending(path: "x.lock")
        try Data().write(to: path)
        let held = try FileHandle(forReadingFrom: path)
        #expect(BlobLock.isFile(held.fileDescriptor, at: path.path))
        try FileManager.default.removeItem(at: path)
        #expect(!BlobLock.isFile(held.fileDescriptor, at: path.path))
        try Data().write(to: path)
        #expect(!BlobLock.isFile(held.fileDescriptor, at: path.path))
    }
}

extension PullBench {
    /// Bytes of the files that are not in LFS and come with a checkpoint.
    var smallBytes: Int {
        ["config.json", "tokenizer.json", "chat_template.jinja"].reduce(0) { $0 + (repository.files[$1]?.count ?? 0) }
    }
}
