import Foundation
import Testing

@testable import Jobs

/// A process that opens, fills, works on, prunes and closes a queue is killed instead of every single change that it makes
/// to a file, and in the middle of every write.
@Suite(.takesTurns, .timeLimit(.minutes(10)))
struct EveryCallKillTests {
    private static let lanes = 2

    @Test(arguments: 0..<lanes)
    func `a kill at any call leaves what was acknowledged and nothing half done`(lane: Int) async throws {
        let (states, calls) = try await ScenarioLife.undisturbed()
        try #require(calls > 100)
        var kills = 0
        for number in stride(from: 1 + lane, through: calls, by: Self.lanes) {
            for isTorn in [false, true] {
                let workplace = Workplace(in: FaultyDisk.memory)
                let life = try await ScenarioLife(
                    in: workplace, killedAt: number, isTorn: isTorn, lastStep: ScenarioLife.steps - 1)
                #expect(life.isKilled)
                let context = "call \(number)\(isTorn ? ", torn" : "") of step \(life.acknowledged + 1)"
                let store = try JobStore(path: workplace.path)
                let found = try await StoredState(of: store)
                let allowed = [max(life.acknowledged, 0), min(life.acknowledged + 1, ScenarioLife.steps - 1)].map {
                    states[$0]
                }
                #expect(allowed.contains(found) || (life.acknowledged < 0 && found.isEmpty), "\(context): \(found)")
                try await Invariants.check(store)
                try await checkBlobs(store, life, context)
                try await store.close()
                kills += 1
            }
        }
        print("kills: lane \(lane), \(kills) at \(calls) calls")
    }

    /// The blob is there once it was acknowledged, and no unfinished file ever is.
    private func checkBlobs(_ store: JobStore, _ life: ScenarioLife, _ context: String) async throws {
        let blob = BlobID(hashing: Array("a picture of a cat".utf8))
        if life.acknowledged >= 1 {
            #expect(try await store.blobs.bytes(of: blob) == Array("a picture of a cat".utf8), "\(context)")
        }
        #expect(DurableFile.names(in: store.path + ".blobs/incoming").isEmpty, "\(context)")
    }
}
