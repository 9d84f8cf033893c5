import Synchronization

/// Bounds the requests that wait for their answers, so that overload is an early 503 and never a long queue of open
/// connections.
final class Admission: Sendable {
    /// A place among those who wait; given back when it is left, at the latest when the last owner lets go of it.
    final class Place: Sendable {
        private let admission: Admission
        private let isLeft = Atomic(false)

        fileprivate init(_ admission: Admission) { self.admission = admission }

        deinit { leave() }

        func leave() {
            guard !isLeft.exchange(true, ordering: .relaxed) else { return }
            admission.taken.subtract(1, ordering: .relaxed)
        }
    }

    private let taken = Atomic(0)
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var waiting: Int { taken.load(ordering: .relaxed) }

    func enter() throws(APIError) -> Place {
        guard taken.add(1, ordering: .relaxed).newValue <= limit else {
            taken.subtract(1, ordering: .relaxed)
            throw .unavailable("\(limit) requests are waiting already; send the request again later.", retryAfter: 2)
        }
        return Place(self)
    }
}
