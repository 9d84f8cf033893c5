import FoundationEssentials
public import Jobs

extension Dispatcher {
    /// Stores a request for which somebody waits on an open connection; its row is durable before this returns.
    ///
    /// Throws `RequestFailure` with code `shutting_down` while draining.
    /// - Parameter key: the row's name, unique among all requests that are waited for; nil for any.
    public func submit(_ work: ChatWork, key: String? = nil, label: String) async throws -> Ticket {
        guard !drainsNow else { throw RequestFailure.shuttingDown }
        let key = key ?? UUID().uuidString
        let events = waiters.register(key)
        do {
            let job = NewJob(
                kind: "chat", label: label, model: modelIdentity, priority: .interactive, isSynchronous: true)
            let (stored, requests) = try await store.submit(job, [try request(for: work, key: key, maxAttempts: 1)])
            waiters.bind(key, to: requests[0])
            // Those who waited may have been refused while this row was being stored.
            if drainsNow { await refuse(key, requests[0]) }
            return Ticket(jobID: stored.id, requestID: requests[0], events: events)
        } catch {
            waiters.finish(key)
            throw error
        }
    }

    /// Stores a request for which nobody waits, to be polled for.
    public func enqueue(_ work: ChatWork, kind: String, label: String, priority: JobPriority) async throws -> Job {
        let job = NewJob(kind: kind, label: label, model: modelIdentity, priority: priority)
        return try await store.submit(job, [try request(for: work, key: UUID().uuidString, maxAttempts: 3)]).0
    }

    private func request(for work: ChatWork, key: String, maxAttempts: Int) throws -> NewRequest {
        NewRequest(
            key: key, payload: String(decoding: try JSONEncoder().encode(work), as: UTF8.self), blobs: work.blobs,
            maxAttempts: maxAttempts)
    }
}
