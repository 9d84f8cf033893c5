import FoundationEssentials
import Inference
import Jobs
import Logging
import Synchronization

extension Dispatcher {
    /// Runs one claim to its end and commits what came of it; every way out leaves a committed row or a lease that
    /// will expire.
    func perform(_ claim: Claim, until signal: AsyncStream<RunEnd>) async {
        do {
            switch try await answer(claim, until: signal) {
            case .answered(let answer): try await commit(answer, of: claim)
            case .stopped(let reason): try await stop(claim, reason)
            }
        } catch let error as RequestFailure {
            await commit(error, of: claim)
        } catch is CancellationError {
            await giveBack(claim)
        } catch {
            await commit(RequestFailure(cause: error), of: claim)
        }
    }

    private enum RunResult: Sendable {
        case answered(ChatAnswer)
        case stopped(RunEnd)
    }

    /// Whichever comes first: the answer, or a reason to stop.
    private func answer(_ claim: Claim, until signal: AsyncStream<RunEnd>) async throws -> RunResult {
        try await withThrowingTaskGroup(of: RunResult?.self) { group in
            group.addTask { .answered(try await ChatRun(self, claim).answer()) }
            group.addTask {
                for await reason in signal { return .stopped(reason) }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private func commit(_ answer: ChatAnswer, of claim: Claim) async throws {
        let result = String(decoding: try JSONEncoder().encode(answer), as: UTF8.self)
        switch try await store.complete(claim, result: result) {
        case .recorded:
            measured.withLock {
                $0.requestsSucceeded += 1
                $0.images += answer.images.count
                $0.promptTokens += answer.usage.promptTokens
                $0.completionTokens += answer.usage.completionTokens
            }
            waiters.finish(claim.key, with: .finished(answer))
        case .leaseLost:
            // A lease that ran out is told of where it is noticed; a cancelled job may come here a thousand times.
            logger.debug("result thrown away: cancelled, or taken over", metadata: ["request": "\(claim.key)"])
            waiters.finish(claim.key, with: .cancelled)
        }
    }

    private func commit(_ failure: RequestFailure, of claim: Claim) async {
        do {
            switch try await store.fail(claim, failure) {
            case .willRetry: return
            case .failed: waiters.finish(claim.key, with: .failed(failure))
            case .leaseLost: waiters.finish(claim.key, with: .cancelled)
            }
            measured.withLock {
                $0.requestsFailed += 1
                $0.requests.noteEnd("error")
            }
        } catch {
            logger.error(
                "failure not recorded; the lease will expire",
                metadata: ["request": "\(claim.key)", "failure": "\(failure.code)", "error": "\(error)"])
            waiters.finish(claim.key, with: .failed(failure))
        }
    }

    private func stop(_ claim: Claim, _ reason: RunEnd) async throws {
        switch reason {
        case .cancelled:
            // The row is flagged: this turns into `cancelled`, not `failed`.
            _ = try await store.fail(claim, RequestFailure(code: "cancelled", message: "cancelled", isRetryable: false))
            measured.withLock { $0.requests.noteEnd("abort") }
            waiters.finish(claim.key, with: .cancelled)
        case .leaseLost:
            waiters.finish(claim.key, with: .cancelled)
        case .shutdown:
            await giveBack(claim)
        }
    }

    /// Shutting down: bulk work waits for the next start, a waiting client hears of it now.
    private func giveBack(_ claim: Claim) async {
        if claim.isSynchronous {
            await commit(.shuttingDown, of: claim)
        } else {
            do {
                try await store.release([claim])
            } catch {
                logger.error("claim not released", metadata: ["request": "\(claim.key)", "error": "\(error)"])
            }
        }
    }
}
