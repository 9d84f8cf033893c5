import Foundation
import Testing
import TracedDisk

@testable import Jobs

/// The power goes at any call of a queue's life, and takes with it what was not synced of the whole folder: the database, by
/// SQLite's own way to the disk, the blobs beside it, and names.
///
/// `DOCENT_SEED` lets other parts survive.
@Suite(.takesTurns, .timeLimit(.minutes(CrashTests.isLong ? 600 : 10)))
struct FolderCutTests {
    private static let seed = ProcessInfo.processInfo.environment["DOCENT_SEED"].flatMap { UInt64($0) } ?? 1
    private static let cat = Array("a picture of a cat".utf8)

    @Test func `a power cut leaves what was acknowledged, the blobs and their folders included`() async throws {
        let (states, _) = try await ScenarioLife.undisturbed()
        let workplace = Workplace(in: FaultyDisk.memory)
        let trace = workplace.directory + "/trace"
        _ = try await ScenarioLife(in: workplace, lastStep: ScenarioLife.steps - 1, trace: trace)
        var disk = try Self.disk(of: workplace, trace)
        var random = SeededGenerator(state: Self.seed &* 0x9e37_79b9_7f4a_7c15 | 1)
        var (calls, cuts) = (0, 0)
        repeat {
            let acknowledged = disk.notes.last { !$0.hasPrefix("calls") }.flatMap { Int($0) } ?? -1
            for _ in 0..<(CrashTests.isLong ? 100 : calls.isMultiple(of: 2) ? 2 : 1) {
                let left = Workplace(in: FaultyDisk.memory)
                try Self.write(disk.cut(using: &random), to: left)
                let context = "seed \(Self.seed), call \(calls), cut \(cuts), after step \(acknowledged)"
                do {
                    let store = try JobStore(path: left.path)
                    let found = try await StoredState(of: store)
                    let allowed = [acknowledged, acknowledged + 1].filter(states.indices.contains).map { states[$0] }
                    #expect(allowed.contains(found) || (acknowledged < 0 && found.isEmpty), "\(context): \(found)")
                    try await Invariants.check(store)
                    if acknowledged >= 1 {
                        #expect(try await store.blobs.bytes(of: BlobID(hashing: Self.cat)) == Self.cat, "\(context)")
                    }
                    #expect(DurableFile.names(in: store.blobs.incoming).isEmpty, "\(context)")
                    try await store.close()
                } catch { Issue.record("\(context): \(error)") }
                cuts += 1
            }
            calls += 1
        } while disk.advance()
        #expect(cuts > 500 && disk.notes.count == ScenarioLife.steps + 1)
        print("power cuts of folders: seed \(Self.seed), \(cuts) cuts at \(calls) calls")
    }

    /// The first process is killed while it stores a blob; what it did not come to sync, the second must not take for durable.
    @Test func `a blob is durable although the one who made its folder was killed`() async throws {
        let golden = Workplace(in: FaultyDisk.memory)
        let before = try await ScenarioLife(in: Workplace(in: FaultyDisk.memory), lastStep: 0).calls
        let after = try await ScenarioLife(in: golden, lastStep: 1).calls
        try #require(before + 5 < after)
        var random = SeededGenerator(state: Self.seed)
        for call in (before + 1)...after {
            let workplace = Workplace(in: FaultyDisk.memory)
            let trace = workplace.directory + "/trace"
            let killed = try await ScenarioLife(in: workplace, killedAt: call, lastStep: 1, trace: trace)
            try #require(killed.isKilled)
            let life = try await ScenarioLife(in: workplace, lastStep: 1, trace: trace)
            try #require(life.acknowledged == 1)
            var disk = try Self.disk(of: workplace, trace)
            while disk.advance() {}
            for _ in 0..<4 {
                let left = Workplace(in: FaultyDisk.memory)
                try Self.write(disk.cut(using: &random), to: left)
                let store = try JobStore(path: left.path)
                let bytes = try? await store.blobs.bytes(of: BlobID(hashing: Self.cat))
                #expect(bytes == Self.cat, "seed \(Self.seed), killed at call \(call)")
                try await store.close()
            }
        }
    }

    private static func disk(of workplace: Workplace, _ trace: String) throws -> TracedDisk {
        var facts = stat()
        try #require(stat(workplace.directory, &facts) == 0)
        let bytes = try #require(try DurableFile.contents(of: trace))
        return TracedDisk(trace: bytes, root: workplace.directory, inode: UInt64(facts.st_ino))
    }

    private static func write(_ left: [(path: String, bytes: [UInt8]?)], to workplace: Workplace) throws {
        for (path, bytes) in left {
            let url = URL(filePath: workplace.directory + "/" + path)
            if let bytes {
                try Data(bytes).write(to: url)
            } else {
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
            }
        }
    }
}
