import ChildProcess
import Foundation
import Testing

@testable import Jobs

/// A process that opens, fills, works on, prunes and closes a queue is killed instead of every single change that it makes
/// to a file, and in the middle of every write.
@Suite(.takesTurns, .timeLimit(.minutes(10)))
struct EveryCallKillTests {
    private static let steps = 15
    private static let lanes = 2

    /// The queue after each step, as the next owner finds it, and how many changes of files all steps make.
    private func undisturbed() async throws -> (states: [StoredState], calls: Int) {
        var states: [StoredState] = []
        var calls = 0
        for step in 0..<Self.steps {
            let workplace = Workplace(in: FaultyDisk.memory)
            let life = try await Life(in: workplace, lastStep: step)
            try #require(!life.isKilled && life.acknowledged == step)
            calls = life.calls
            let store = try JobStore(path: workplace.path)
            states.append(try await StoredState(of: store))
            try await store.close()
        }
        return (states, calls)
    }

    @Test(arguments: 0..<lanes)
    func `a kill at any call leaves what was acknowledged and nothing half done`(lane: Int) async throws {
        let (states, calls) = try await undisturbed()
        try #require(calls > 100)
        var kills = 0
        for number in stride(from: 1 + lane, through: calls, by: Self.lanes) {
            for isTorn in [false, true] {
                let workplace = Workplace(in: FaultyDisk.memory)
                let life = try await Life(in: workplace, killedAt: number, isTorn: isTorn, lastStep: Self.steps - 1)
                #expect(life.isKilled)
                let context = "call \(number)\(isTorn ? ", torn" : "") of step \(life.acknowledged + 1)"
                let store = try JobStore(path: workplace.path)
                let found = try await StoredState(of: store)
                let allowed = [max(life.acknowledged, 0), min(life.acknowledged + 1, Self.steps - 1)].map { states[$0] }
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
    private func checkBlobs(_ store: JobStore, _ life: Life, _ context: String) async throws {
        let blob = BlobID(hashing: Array("a picture of a cat".utf8))
        if life.acknowledged >= 1 {
            #expect(try await store.blobs.bytes(of: blob) == Array("a picture of a cat".utf8), "\(context)")
        }
        #expect(DurableFile.names(in: store.path + ".blobs/incoming").isEmpty, "\(context)")
    }
}

/// One run of `KilledScenario`.
private struct Life {
    let isKilled: Bool
    /// The last step that it acknowledged, -1 for none.
    var acknowledged = -1
    /// How many changes of files it made, if it came to its end.
    var calls = 0

    init(in workplace: Workplace, killedAt call: Int = 0, isTorn: Bool = false, lastStep: Int) async throws {
        let notes = workplace.directory + "/notes"
        // Beside the test bundle, where the build puts both.
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "KilledScenario")
        let process = try ChildProcess(
            program.path, [workplace.path, notes, "\(call)", isTorn ? "torn" : "whole", "\(lastStep)"])
        if case .killed = await process.ended() { isKilled = true } else { isKilled = false }
        for line in try String(contentsOfFile: notes, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("calls ") { calls = Int(line.dropFirst(6)) ?? 0 } else { acknowledged = Int(line) ?? -1 }
        }
    }
}
