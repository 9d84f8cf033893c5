import Foundation

@testable import Jobs

/// One random program, again and again, with another call of the disk failing each time.
struct FailingCalls {
    /// The program as it runs when nothing fails.
    struct Undisturbed {
        let seed: UInt64
        let steps: Int
        /// Calls of the whole program, the first opening included.
        let calls: Int
        /// The queue after each step (before the first at 0), as the next owner finds it.
        let states: [StoredState]
    }

    static func undisturbed(seed: UInt64, steps: Int) async throws -> Undisturbed {
        let workplace = Workplace(in: FaultyDisk.memory)
        let disk = try FaultyDisk(path: workplace.path)
        var program = try await RandomProgram(seed: seed, in: workplace, checkpointPages: 8)
        var states = [StoredState.afterRestart(of: program.model)]
        for _ in 0..<steps {
            _ = try await program.step()
            states.append(StoredState.afterRestart(of: program.model))
        }
        let calls = disk.calls
        try await program.store.close()
        return Undisturbed(seed: seed, steps: steps, calls: calls, states: states)
    }

    /// Runs `golden` with a call that fails, once or with all that follow; then the power goes or the process ends, and the
    /// next owner must find what was acknowledged.
    /// - Returns: what is wrong; nil if all is as it must be.
    static func violation(of golden: Undisturbed, failing call: Int, forever: Bool) async throws -> String? {
        let workplace = Workplace(in: FaultyDisk.memory)
        let disk = try FaultyDisk(path: workplace.path)
        disk.failCall(call, forever: forever)
        var acknowledged = 0
        var failure: (any Error)?
        var probe: Probe?
        do {
            var program = try await RandomProgram(seed: golden.seed, in: workplace, checkpointPages: 8)
            do {
                while acknowledged < golden.steps {
                    _ = try await program.step()
                    acknowledged += 1
                }
            } catch { failure = error }
            probe = await Probe(program.store)
            if failure == nil { try? await program.store.close() }
            program.store.queue.lock.release()
        } catch { failure = error }
        if let failure, !(failure is JobStoreError) { return "an error that is not ours: \(failure)" }
        if let probe, let refusal = probe.refusal, !forever, !isFatal(failure), !isClosed(refusal) {
            return "after \(failure.map { "\($0)" } ?? "nothing") the store goes on refusing: \(refusal)"
        }

        let image = call.isMultiple(of: 2) ? disk.kill() : disk.cut(at: disk.position, seed: UInt64(call))
        let next = Workplace(in: FaultyDisk.memory)
        try image.write(to: next.path)
        do {
            let store = try next.store()
            let found = try await StoredState(of: store, without: Probe.label)
            let allowed = golden.states[acknowledged...].prefix(2)
            guard allowed.contains(found) else { return "found\n\(found)\ninstead of\n\(golden.states[acknowledged])" }
            let isThere = try await store.jobs(limit: 1).first?.label == Probe.label
            if let probe, probe.refusal == nil, !isThere {
                return "after step \(acknowledged) (\(failure.map { "\($0)" } ?? "none")) a stored job is lost"
            }
            let problems = try await Invariants.problems(of: store)
            guard problems.isEmpty else { return "\(problems)" }
            try await store.close()
            return nil
        } catch let error as JobStoreError {
            return "opening fails: \(error)"
        }
    }

    /// A failed sync is the end: nothing is written until the database is opened again.
    private static func isFatal(_ error: (any Error)?) -> Bool {
        guard case .inputOutput? = error as? JobStoreError else { return false }
        return true
    }

    private static func isClosed(_ error: any Error) -> Bool {
        guard case .closed? = error as? JobStoreError else { return false }
        return true
    }

    /// A job submitted after the failure.
    private struct Probe {
        static let label = "after the failure"
        var refusal: (any Error)?

        init(_ store: JobStore) async {
            do { _ = try await store.submit(.bulk(Self.label), .numbered(0..<1)) } catch { refusal = error }
        }
    }
}
