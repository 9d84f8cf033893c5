import Synchronization

/// The bytes of pixels that may wait for the model: those of requests that are prepared ahead of need.
struct PixelBudget: Sendable {
    private let slots: Slots

    init(bytes: Int) { slots = Slots(bytes) }

    /// Waits until there is room for `bytes`, or for nothing else when that is more than the budget.
    func hold(_ bytes: Int) async throws -> Hold {
        Hold(try await bytes > 0 ? slots.acquire(bytes) : 0, of: slots)
    }

    /// A request's share of the budget, until it is given back or nobody has it any more.
    final class Hold: Sendable {
        private let slots: Slots
        private let held: Mutex<Int>

        fileprivate init(_ bytes: Int, of slots: Slots) {
            self.slots = slots
            held = Mutex(bytes)
        }

        deinit { shrink(to: 0) }

        /// Gives back what is held beyond `bytes`.
        func shrink(to bytes: Int) {
            let surplus = held.withLock { held in
                let surplus = max(held - bytes, 0)
                held -= surplus
                return surplus
            }
            if surplus > 0 { slots.release(surplus) }
        }
    }
}
