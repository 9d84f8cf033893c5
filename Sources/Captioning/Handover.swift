import Dispatch
import Synchronization

/// Elements on their way from a thread that may block to a task that may not: at most `limit` of them, so that the faster
/// side waits for the slower one instead of filling the memory.
final class Handover<Element: Sendable>: Sendable {
    let elements: AsyncStream<Element>
    private let sender: AsyncStream<Element>.Continuation
    private let places = DispatchSemaphore(value: 0)
    private let isClosed = Atomic(false)

    init(limit: Int) {
        (elements, sender) = AsyncStream.makeStream()
        for _ in 0..<limit { places.signal() }
    }

    /// Blocks until there is a place. False when nobody takes elements any more.
    func send(_ element: Element) -> Bool {
        places.wait()
        guard !isClosed.load(ordering: .acquiring) else {
            places.signal()
            return false
        }
        sender.yield(element)
        return true
    }

    /// The sender has no more.
    func finish() { sender.finish() }

    /// An element has been dealt with: its place is free.
    func taken() { places.signal() }

    /// The receiver takes no more.
    func close() {
        isClosed.store(true, ordering: .releasing)
        places.signal()
    }
}
