import Foundation

@testable import Jobs

/// One random program on a faulty disk, and power cuts at any moment of it.
struct PowerCuts {
    let seed: UInt64
    var lies: FaultyDisk.Lies = []

    /// What was acknowledged after so many changes of the disk.
    private struct Moment {
        let position: Int
        let model: QueueModel
        /// The highest epoch given out for each request.
        let epochs: [RequestID: Int64]
    }

    struct Violation: CustomStringConvertible {
        let description: String
    }

    /// Runs the program once and cuts the power `count` times: the queue must be what it was after the last
    /// acknowledged operation, or after the one that was under way, as its next owner finds it.
    func violations(steps: Int, cuts count: Int) async throws -> [Violation] {
        let workplace = Workplace(in: FaultyDisk.memory)
        let disk = try FaultyDisk(path: workplace.path)
        disk.lie(lies)
        var program = try await RandomProgram(seed: seed, in: workplace, checkpointPages: 8)
        var history = [Moment(position: disk.position, model: program.model, epochs: [:])]
        for _ in 0..<steps {
            _ = try await program.step()
            let epochs = Dictionary(program.claims.map { ($0.requestID, $0.epoch) }, uniquingKeysWith: max)
            history.append(Moment(position: disk.position, model: program.model, epochs: epochs))
        }
        var random = SeededGenerator(state: seed &* 0xd134_2543_de82_ef95 | 1)
        var violations: [Violation] = []
        for number in 0..<count {
            let position = Int.random(in: 0...disk.position, using: &random)
            let image = disk.cut(at: position, seed: random.next())
            let last = history.lastIndex { $0.position <= position } ?? 0
            let found: String?
            if number % 8 == 7 {
                found = try await cutAgain(image, history, last, &random)
            } else {
                found = try await check(image, history, last)
            }
            if let found {
                let text = "seed \(seed), cut \(number) after change \(position), in step \(last + 1): \(found)"
                violations.append(Violation(description: text))
            }
        }
        try await program.store.close()
        return violations
    }

    /// The power goes a second time, at any moment of the recovery from the first cut.
    private func cutAgain(
        _ image: FaultyDisk.Image, _ history: [Moment], _ last: Int, _ random: inout SeededGenerator
    ) async throws -> String? {
        let workplace = Workplace(in: FaultyDisk.memory)
        let disk = try FaultyDisk(path: workplace.path, holding: image)
        disk.lie(lies)
        do {
            let store = try workplace.store()
            let end = disk.position
            try await store.close()
            let position = Int.random(in: 0...end, using: &random)
            return try await check(disk.cut(at: position, seed: random.next()), history, last)
        } catch let error as JobStoreError {
            return "opening fails: \(error)"
        }
    }

    /// Opens what is left as real files, with nothing of ours between the store and them.
    private func check(_ image: FaultyDisk.Image, _ history: [Moment], _ last: Int) async throws -> String? {
        let workplace = Workplace(in: FaultyDisk.memory)
        try image.write(to: workplace.path)
        let allowed = history[last...].prefix(2).map { StoredState.afterRestart(of: $0.model) }
        do {
            let store = try workplace.store()
            let found = try await StoredState(of: store)
            guard allowed.contains(found) else { return "found\n\(found)\ninstead of\n\(allowed[0])" }
            let problems = try await Invariants.problems(of: store)
            guard problems.isEmpty else { return "\(problems)" }
            // Whoever held a request before the cut must be a stranger to its next claim.
            let epochs = history[last].epochs
            for claim in try await store.claim(upTo: 3, for: .bob) where epochs[claim.requestID] ?? 0 >= claim.epoch {
                return "request \(claim.requestID.rawValue) has the epoch \(claim.epoch) for a second time"
            }
            try await store.close()
            return nil
        } catch let error as JobStoreError {
            return "opening fails: \(error)"
        }
    }
}
