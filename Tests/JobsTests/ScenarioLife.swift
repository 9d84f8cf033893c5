import ChildProcess
import Foundation
import Testing

@testable import Jobs

/// One run of `KilledScenario`.
struct ScenarioLife {
    static let steps = 15

    let isKilled: Bool
    /// The last step that it acknowledged, -1 for none.
    var acknowledged = -1
    /// How many changes of files it made, if it came to its end.
    var calls = 0

    /// - Parameter trace: a file to which all that it changes is appended.
    init(
        in workplace: Workplace, killedAt call: Int = 0, isTorn: Bool = false, lastStep: Int, trace: String? = nil
    ) async throws {
        let notes = workplace.directory + "/notes-" + UUID().uuidString
        let process = try ChildProcess(
            besideTests: "KilledScenario",
            [workplace.path, notes, "\(call)", isTorn ? "torn" : "whole", "\(lastStep)"] + (trace.map { [$0] } ?? []))
        if case .killed = await process.ended() { isKilled = true } else { isKilled = false }
        for line in try String(contentsOfFile: notes, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("calls ") { calls = Int(line.dropFirst(6)) ?? 0 } else { acknowledged = Int(line) ?? -1 }
        }
    }

    /// The queue after each step, as the next owner finds it, and how many changes of files all steps make.
    static func undisturbed() async throws -> (states: [StoredState], calls: Int) {
        var states: [StoredState] = []
        var calls = 0
        for step in 0..<steps {
            let workplace = Workplace(in: FaultyDisk.memory)
            let life = try await ScenarioLife(in: workplace, lastStep: step)
            try #require(!life.isKilled && life.acknowledged == step)
            calls = life.calls
            let store = try JobStore(path: workplace.path)
            states.append(try await StoredState(of: store))
            try await store.close()
        }
        return (states, calls)
    }
}
