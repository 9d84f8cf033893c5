import UnixSignals

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Control-C and a friendly kill: the first asks the run to end well, the second ends the process at once.
enum Interrupts {
    /// Runs `work`; calls `stop` at the first SIGINT or SIGTERM.
    static func watch(
        _ stop: @escaping @Sendable () async -> Void, during work: @escaping @Sendable () async throws -> Void
    ) async -> Result<Void, any Error> {
        // Before the work begins, which may tell others that it has.
        let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm])
        return await withTaskGroup(of: Result<Void, any Error>?.self) { group in
            group.addTask {
                var count = 0
                for await signal in signals {
                    count += 1
                    // The conventional status of a process that a signal ended.
                    if count == 2 { _exit(128 + signal.rawValue) }
                    await stop()
                }
                return nil
            }
            group.addTask {
                do { return .success(try await work()) } catch { return .failure(error) }
            }
            defer { group.cancelAll() }
            while let result = await group.next() {
                if let result { return result }
            }
            return .failure(CancellationError())
        }
    }
}
