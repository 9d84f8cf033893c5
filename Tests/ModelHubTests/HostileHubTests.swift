import Foundation
import LoopbackHub
import Testing

@testable import ModelHub

/// Hubs that lie, and what they may not bring about.
struct HostileHubTests {
    private static let name = "model.safetensors"
    private static var size: Int { HubRepository.weights.count }

    /// Nothing may have a name that somebody could load.
    private func expectNothing(_ bench: PullBench) {
        #expect(bench.names(in: "snapshots") == [] && bench.names(in: "refs") == [])
        #expect(!bench.names(in: "blobs").contains(bench.repository.blobName(of: Self.name)))
    }

    @Test func `a large file with another hash is thrown away`() async throws {
        let bench = try PullBench(onFiles: { _, honest in
            var reply = honest
            reply.body[777] ^= 1
            return reply
        })
        guard case .wrongHash(Self.name, bench.blob(of: Self.name).name, _) = await bench.failure() else {
            return #expect(Bool(false), "\(bench.events)")
        }
        expectNothing(bench)
        #expect(!bench.names(in: "blobs").contains { $0.hasSuffix(".incomplete") })
        #expect(bench.hub.fileRequests.count == 1)
    }

    @Test func `a small file with another git hash is thrown away`() async throws {
        let bench = try PullBench(onHub: { request, honest in
            var reply = honest
            if request.target.hasSuffix("/config.json") { reply.body[2] ^= 1 }
            return reply
        })
        guard case .wrongHash("config.json", _, _) = await bench.failure() else { return #expect(Bool(false)) }
        expectNothing(bench)
    }

    /// How the host of the files lies, and what is said to have come.
    private static let lies: [(lie: @Sendable (HubReply) -> HubReply, found: String)] = [
        ({ HubReply(200, body: $0.body + [0]) }, "300001"),
        ({ HubReply(200, body: Array($0.body.dropLast())) }, "299999"),
        ({ $0.ending(.never) }, "more"),
        ({ HubReply(200, headers: ["Content-Length": "99999999999"], body: $0.body) }, "99999999999"),
        ({ _ in HubReply(200, body: Array("<html>Log in</html>".utf8)) }, "19"),
    ]

    @Test(arguments: lies.indices) func `a file of another size than listed is refused`(index: Int) async throws {
        let (lie, found) = Self.lies[index]
        let bench = try PullBench(onFiles: { _, honest in lie(honest) })
        #expect(await bench.failure() == .wrongSize(file: Self.name, expected: Self.size, found: found))
        #expect(bench.receivedBytes <= Self.size + bench.smallBytes)
        expectNothing(bench)
    }

    @Test func `a page in place of the rest of a file costs nothing that is there`() async throws {
        let bench = try PullBench(onFiles: { _, _ in HubReply(200, body: Array("<html>Log in</html>".utf8)) })
        let beginning = Array(HubRepository.weights.prefix(1000))
        try bench.leavePartial(beginning, of: Self.name)
        #expect(await bench.failure() == .wrongSize(file: Self.name, expected: Self.size, found: "19"))
        #expect(bench.content(bench.cached.partialPath(bench.blob(of: Self.name))) == beginning)
    }

    @Test func `a range of a file of another size is refused`() async throws {
        let bench = try PullBench(onFiles: { _, honest in
            honest.with(["Content-Range": "bytes 1000-\(Self.size - 1)/\(Self.size + 5)"])
        })
        try bench.leavePartial(Array(HubRepository.weights.prefix(1000)), of: Self.name)
        #expect(await bench.failure() == .wrongSize(file: Self.name, expected: Self.size, found: "300005"))
    }

    @Test func `a file that ends early again and again is given up`() async throws {
        let bench = try PullBench(onFiles: { _, honest in
            HubReply(200, headers: ["Content-Length": "\(Self.size)"], body: honest.body).ending(.cut(after: 10))
        })
        guard case .broken = await bench.failure() else { return #expect(Bool(false)) }
        #expect(bench.pauses == [1, 2, 4, 8, 16].map { .seconds($0) })
        expectNothing(bench)
    }

    @Test func `a commit that changes between the list and a file is noticed`() async throws {
        let other = String(repeating: "b2", count: 20)
        let bench = try PullBench(onHub: { request, honest in
            request.isListing ? honest : honest.with(["X-Repo-Commit": other])
        })
        guard case .movedRevision(_, bench.repository.commit, other) = await bench.failure() else {
            return #expect(Bool(false))
        }
        expectNothing(bench)
    }

    @Test(arguments: [
        "../x.json", "a/../../x", "/etc/passwd", "a//b", "./config.json", "a/.", "", "a\\u0000b", "a\\nb",
        "a\\u001b[2Jb",
        "a\\\\b", "..", "a\\u009bb", "config.json", String(repeating: "n", count: 256),
        String(repeating: "d/", count: 600) + "x",
    ])
    func `a list with a name that leads elsewhere is refused as a whole`(name: String) async throws {
        let bench = try PullBench(onHub: { request, honest in
            var reply = honest
            if request.isListing {
                let text = String(decoding: honest.body, as: UTF8.self)
                reply.body = Array(
                    text.replacing(#""siblings":["#, with: #""siblings":[{"rfilename":"\#(name)","size":1},"#).utf8)
            }
            return reply
        })
        let failure = await bench.failure()
        guard case .badListing = failure else { return #expect(Bool(false), "\(failure.text)") }
        #expect(failure.text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9B })
        #expect(bench.hub.requests.count == 1)
        #expect(!FileManager.default.fileExists(atPath: bench.home.path + "/hub"))
    }

    private static let commit = HubRepository.checkpoint.commit

    @Test(arguments: [
        "", "[]", "{", "null", #"{"sha":"main","siblings":[]}"#, #"{"sha":"../../x","siblings":[]}"#,
        #"{"sha":"\#(commit)"}"#, #"{"sha":"\#(commit)","siblings":{}}"#, #"{"sha":"\#(commit)","siblings":[1]}"#,
        #"{"sha":"\#(commit)","siblings":[{"size":1}]}"#,
        #"{"sha":"\#(commit)","siblings":[{"rfilename":"a","size":-1}]}"#,
        #"{"sha":"\#(commit)","siblings":[{"rfilename":"a","size":1e30}]}"#,
        #"{"sha":"\#(commit)","siblings":[{"rfilename":"a","size":99999999999999999}]}"#,
        #"{"sha":"\#(commit)","siblings":[{"rfilename":"a","size":1,"blobId":"../x"}]}"#,
        #"{"sha":"\#(commit)","siblings":[{"rfilename":"a","size":1,"lfs":{"size":1,"sha256":"../x"}}]}"#,
        #"{"sha":"\#(commit)","siblings":[{"rfilename":"a","size":1,"lfs":{"size":1}}]}"#,
        String(repeating: "[", count: 100_000),
    ])
    func `a list that makes no sense is refused`(text: String) {
        do {
            _ = try HubListing(Array(text.utf8), from: "u")
            #expect(Bool(false))
        } catch {
            guard case HubError.badListing("u", _) = error else { return #expect(Bool(false), "\(error)") }
        }
    }

    @Test func `a list without an end is refused`() async throws {
        let bench = try PullBench(onHub: { $1.ending(.never) })
        guard case .badListing(_, let reason) = await bench.failure() else { return #expect(Bool(false)) }
        #expect(reason.contains("\(HubListing.longestText) bytes"))
    }

    @Test func `a size that no disk has is told before a byte of it comes`() async throws {
        let bench = try PullBench(onHub: { request, honest in
            var reply = honest
            if request.isListing {
                let text = String(decoding: honest.body, as: UTF8.self)
                reply.body = Array(text.replacing("\(Self.size)", with: "\(RemoteFile.mostBytes)").utf8)
            }
            return reply
        })
        guard case .notEnoughSpace(_, RemoteFile.mostBytes, _) = await bench.failure() else {
            return #expect(Bool(false))
        }
        #expect(bench.hub.fileRequests.isEmpty)
    }

    @Test func `a blob of the wrong size under the right name is replaced`() async throws {
        let bench = try PullBench()
        try bench.cached.prepare()
        try Data([1, 2, 3]).write(to: URL(filePath: bench.cached.blobPath(bench.blob(of: Self.name))))
        let folder = try await bench.pull()
        #expect(bench.content(folder + "/" + Self.name) == HubRepository.weights)
    }

    @Test func `links and other things in a part's place are not written through`() async throws {
        let bench = try PullBench()
        try bench.cached.prepare()
        let precious = bench.home.path + "/precious"
        try Data("precious".utf8).write(to: URL(filePath: precious))
        try FileManager.default.createSymbolicLink(
            atPath: bench.cached.partialPath(bench.blob(of: Self.name)), withDestinationPath: precious)
        guard case .unwritable = await bench.failure() else { return #expect(Bool(false)) }
        #expect(bench.content(precious) == Array("precious".utf8))
    }
}
