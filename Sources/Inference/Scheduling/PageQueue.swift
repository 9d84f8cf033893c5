/// Pages in the order in which they were put in, any of which can be taken out at once.
///
/// A doubly linked list laid over the page numbers, so that neither end nor middle costs more than a few array writes.
struct PageQueue: Sendable {
    private static let none: Int32 = -1
    private static let absent: Int32 = -2

    private var next: [Int32]
    private var previous: [Int32]
    private var first = Self.none
    private var last = Self.none
    private(set) var count = 0

    /// An empty queue for pages 0 ..< `pages`.
    init(pages: Int) {
        next = Array(repeating: Self.absent, count: pages)
        previous = next
    }

    func contains(_ page: Int32) -> Bool { next[Int(page)] != Self.absent }

    mutating func append(_ page: Int32) {
        precondition(!contains(page), "page \(page) is already queued")
        next[Int(page)] = Self.none
        previous[Int(page)] = last
        if last == Self.none { first = page } else { next[Int(last)] = page }
        last = page
        count += 1
    }

    mutating func remove(_ page: Int32) {
        precondition(contains(page), "page \(page) is not queued")
        let (before, after) = (previous[Int(page)], next[Int(page)])
        if before == Self.none { first = after } else { next[Int(before)] = after }
        if after == Self.none { last = before } else { previous[Int(after)] = before }
        next[Int(page)] = Self.absent
        previous[Int(page)] = Self.absent
        count -= 1
    }

    mutating func popFirst() -> Int32? {
        guard first != Self.none else { return nil }
        let page = first
        remove(page)
        return page
    }
}
