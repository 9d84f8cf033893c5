/// Pages of key/value memory: handed out to sequences, shared between those that begin alike, taken back at the end.
///
/// A page is free (content unknown), in use (one reference for each sequence that holds it), or idle: given back, but
/// remembered by what it holds, so that a sequence with the same beginning can have it again. Idle pages are taken
/// for new content only when no page is free, the longest idle first.
struct PageTable: Sendable {
    let count: Int
    private var references: [Int32]
    private var free: [Int32]
    private var idle: PageQueue
    private var keys: [PageKey?]
    private var contents: [PageKey: Content] = [:]
    private var nextNumber = PageKey.root + 1

    /// A computed page and the number that the keys of its successors refer to.
    struct Content: Hashable, Sendable {
        let page: Int32
        let number: PageKey.ContentNumber
    }

    init(pages: Int) {
        count = pages
        references = Array(repeating: 0, count: pages)
        free = (0..<Int32(pages)).reversed()
        idle = PageQueue(pages: pages)
        keys = Array(repeating: nil, count: pages)
    }

    /// Pages that can be handed out now, forgetting idle content where needed.
    var available: Int { free.count + idle.count }
    /// Pages that sequences hold.
    var used: Int { count - available }
    /// Pages that nobody holds but whose content is remembered.
    var cached: Int { idle.count }

    func isIdle(_ page: Int32) -> Bool { idle.contains(page) }
    func references(of page: Int32) -> Int { Int(references[Int(page)]) }

    /// The remembered page with this content, if there is one.
    func content(for key: PageKey) -> Content? { contents[key] }

    /// `pages` new pages with one reference each, or nil, with nothing changed, when there are not so many.
    mutating func allocate(_ pages: Int) -> [Int32]? {
        guard pages <= available else { return nil }
        var allocated: [Int32] = []
        allocated.reserveCapacity(pages)
        while allocated.count < pages, let page = free.popLast() ?? evict() {
            references[Int(page)] = 1
            allocated.append(page)
        }
        precondition(allocated.count == pages, "pages were counted as available but are not")
        return allocated
    }

    /// One more reference to each of `pages`, which are in use or idle.
    mutating func retain(_ pages: [Int32]) {
        for page in pages {
            if references[Int(page)] == 0 { idle.remove(page) }
            references[Int(page)] += 1
        }
    }

    /// Gives back one reference to each of `pages`, a sequence's pages in order.
    ///
    /// The last page goes first, so that the end of a prefix is forgotten before its beginning: a beginning without
    /// its end is still of use, an end without its beginning is not.
    mutating func release(_ pages: [Int32]) {
        for page in pages.reversed() {
            precondition(references[Int(page)] > 0, "page \(page) was given back twice")
            references[Int(page)] -= 1
            guard references[Int(page)] == 0 else { continue }
            if keys[Int(page)] == nil { free.append(page) } else { idle.append(page) }
        }
    }

    /// Remembers what `page`, which is in use and now full, holds. When another page holds the same already, that
    /// page stays the remembered one. Returns the content's number.
    mutating func register(_ page: Int32, as key: PageKey) -> PageKey.ContentNumber {
        precondition(references[Int(page)] > 0, "page \(page) is not in use")
        if let known = contents[key] { return known.number }
        precondition(keys[Int(page)] == nil, "page \(page) already has content")
        let number = nextNumber
        nextNumber += 1
        contents[key] = Content(page: page, number: number)
        keys[Int(page)] = key
        return number
    }

    private mutating func evict() -> Int32? {
        guard let page = idle.popFirst() else { return nil }
        if let key = keys[Int(page)] { contents[key] = nil }
        keys[Int(page)] = nil
        return page
    }
}
