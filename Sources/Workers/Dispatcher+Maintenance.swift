import Jobs
import Logging
import Synchronization

/// What is done by the clock rather than for a request.
extension Dispatcher {
    /// Keeps the leases of what is in hand, and takes back those that somebody else let run out.
    func renewLeases() async {
        while (try? await Task.sleep(for: configuration.leaseRenewal)) != nil {
            let claims = running.withLock { $0.values.map(\.claim) }
            do {
                for lost in try await store.renew(claims) { end(lost.requestID, .leaseLost) }
                let rescued = try await store.rescueExpiredLeases()
                if rescued > 0 { logger.warning("leases ran out", metadata: ["requests": "\(rescued)"]) }
            } catch {
                logger.error("leases not renewed", metadata: ["error": "\(error)", "claims": "\(claims.count)"])
            }
            waker.yield()
        }
    }

    /// Forgets jobs that ended longer ago than they are kept, at the start and then every hour.
    func pruneHourly() async {
        repeat {
            do {
                let pruned = try await store.prune(finishedBefore: store.now - configuration.retention)
                if pruned > 0 { logger.info("old jobs forgotten", metadata: ["jobs": "\(pruned)"]) }
            } catch {
                logger.error("old jobs not forgotten", metadata: ["error": "\(error)"])
            }
        } while (try? await Task.sleep(for: .seconds(3600))) != nil
    }
}
