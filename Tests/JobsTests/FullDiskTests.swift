import Foundation
import GRDB
import Glibc
import Testing

@testable import Jobs

/// Disks without room: what is refused leaves nothing behind, and what is acknowledged stays.
@Suite(.takesTurns, .timeLimit(.minutes(CrashTests.isLong ? 600 : 10)))
struct FullDiskTests {
    /// Programs, each with a disk that is full at a moment and to an amount of its own.
    private static let programs = CrashTests.isLong ? 2_000 : 60

    @Test func `a disk that is full at any moment refuses what it cannot store and loses nothing`() async throws {
        var refusals = 0
        for seed in 0..<Self.programs {
            var random = SeededGenerator(state: UInt64(seed) &* 0xa076_1d64_78bd_642f | 1)
            let workplace = Workplace(in: FaultyDisk.memory)
            let disk = try FaultyDisk(path: workplace.path)
            var program = try await RandomProgram(seed: UInt64(seed), in: workplace, isAtomic: true)
            let fullFrom = Int.random(in: 0..<40, using: &random)
            for step in 0..<60 {
                // Full for twenty steps, but for a few pages.
                if step == fullFrom { disk.limit(to: disk.size + Int.random(in: 0..<300_000, using: &random)) }
                if step == fullFrom + 20 { disk.limit(to: nil) }
                do { _ = try await program.step() } catch JobStoreError.diskFull { refusals += 1 }
                let expected = StoredState(of: program.model)
                #expect(try await StoredState(of: program.store) == expected, "seed \(seed), step \(step)")
            }
            try await Invariants.check(program.store)
            try await program.store.close()
            // All of it is durable, too.
            let next = Workplace(in: FaultyDisk.memory)
            try disk.cut(at: disk.position, seed: UInt64(seed)).write(to: next.path)
            let store = try next.store()
            #expect(try await StoredState(of: store) == .afterRestart(of: program.model), "seed \(seed)")
            try await store.close()
        }
        #expect(refusals > Self.programs)
        print("full disks: \(Self.programs) programs, \(refusals) refused operations")
    }

    @Test func `a store that cannot empty its log at the end is closed all the same`() async throws {
        let workplace = Workplace(in: FaultyDisk.memory)
        let disk = try FaultyDisk(path: workplace.path)
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<200))
        disk.limit(to: disk.size)
        await #expect(throws: JobStoreError.diskFull(path: workplace.path)) { try await store.close() }
        #expect(JobStore.owner(of: workplace.path) == nil)
        disk.limit(to: nil)
        #expect(try await workplace.store().job(job.id)?.counts.waiting == 200)
    }

    @Test func `the ballast makes room for results, and only for them, until there is space again`() async throws {
        let workplace = Workplace(in: FaultyDisk.memory)
        let disk = try FaultyDisk(path: workplace.path)
        let ballast = Ballast.path(for: workplace.path)
        let store = try workplace.store { $0.ballastBytes = 1 << 20 }
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<20))
        let claims = try await store.claim(upTo: 20, for: .ada)
        #expect(DurableFile.size(of: ballast) == 1 << 20)

        disk.limit(to: disk.size + 1 << 20, besides: ballast)
        let full = JobStoreError.diskFull(path: workplace.path)
        await #expect(throws: full) { try await store.submit(.bulk(), .numbered(0..<1)) }
        #expect(DurableFile.size(of: ballast) == 1 << 20)
        for claim in claims { #expect(try await store.complete(claim, result: "a caption") == .recorded) }
        #expect(DurableFile.size(of: ballast) == nil)
        #expect(try await store.job(job.id)?.state == .completed)

        disk.limit(to: nil)
        _ = try await store.submit(.bulk(), .numbered(0..<1))
        #expect(DurableFile.size(of: ballast) == 1 << 20)
        try await store.close()
        _ = try workplace.store()
        #expect(DurableFile.size(of: ballast) == nil)
    }

    @Test func `no ballast is taken from a disk that it would fill`() throws {
        let workplace = Workplace()
        let ballast = Ballast(database: workplace.path, bytes: 1 << 60)
        #expect(DurableFile.size(of: ballast.path) == nil)
        #expect(ballast.admitsWork() && !ballast.release())
    }

    /// A real file system of 8 MB, where we may mount one.
    @Test func `on a real disk that is full results are stored, blobs are whole, and work goes on when there is space`()
        async throws
    {
        let workplace = Workplace()
        guard mount("tmpfs", workplace.directory, "tmpfs", 0, "size=8m") == 0 else {
            print("full disks: a real one was not tried, mounting is not permitted here")
            return
        }
        defer { umount2(workplace.directory, Int32(MNT_DETACH)) }
        let store = try workplace.store { $0.ballastBytes = 2 << 20 }
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<20))
        let claims = try await store.claim(upTo: 20, for: .ada)
        let full = JobStoreError.diskFull(path: workplace.path)

        let filler = workplace.directory + "/filler"
        let descriptor = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let block = [UInt8](repeating: 7, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
        close(descriptor)

        // The small row of a blob may still fit into the log; the file then does not.
        await #expect { try await store.blobs.put([UInt8](repeating: 1, count: 100_000)) } throws: { error in
            guard case .diskFull? = error as? JobStoreError else { return false }
            return true
        }
        let blobs = FileManager.default.enumerator(atPath: workplace.path + ".blobs")?.compactMap { $0 as? String }
        #expect(blobs?.filter { $0.utf8.count > 8 } == [])
        let result = String(repeating: "caption ", count: 100)
        for claim in claims { #expect(try await store.complete(claim, result: result) == .recorded) }
        #expect(DurableFile.size(of: workplace.path + ".ballast") == nil)
        await #expect(throws: full) { try await store.submit(.bulk(), .numbered(0..<1)) }

        unlink(filler)
        _ = try await store.submit(.bulk(), .numbered(0..<1))
        #expect(DurableFile.size(of: workplace.path + ".ballast") == 2 << 20)
        #expect(try await store.job(job.id)?.counts.succeeded == 20)
        try await Invariants.check(store)
        try await store.close()
        try await workplace.store().close()
    }
}
