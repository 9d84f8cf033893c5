import Synchronization

/// Bounds the memory of all request bodies that are being read: they come before any other limit can refuse them.
final class BodyBudget: Sendable {
    /// What one body takes of it; given back when it is decoded, at the latest when the last owner lets go.
    final class Share: Sendable {
        private let budget: BodyBudget
        private let taken = Atomic(0)

        fileprivate init(_ budget: BodyBudget) { self.budget = budget }

        deinit { giveBack() }

        func giveBack() { budget.used.subtract(taken.exchange(0, ordering: .relaxed), ordering: .relaxed) }

        /// Counted as bytes come, not as they are announced: an announcement costs a client nothing.
        func take(_ bytes: Int) throws(APIError) {
            taken.add(bytes, ordering: .relaxed)
            guard budget.used.add(bytes, ordering: .relaxed).newValue <= budget.limit else {
                throw .unavailable("The server reads too many large bodies now; try again.", retryAfter: 5)
            }
        }
    }

    private let used = Atomic(0)
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var usedBytes: Int { used.load(ordering: .relaxed) }

    func share() -> Share { Share(self) }
}
