import Models

/// Number of a request inside one engine: later requests have greater ones.
struct SequenceID: Hashable, Comparable, Sendable {
    let number: Int

    static func < (left: SequenceID, right: SequenceID) -> Bool { left.number < right.number }
}

/// Where an image's features go in a prompt: `positions[i]` takes row i.
struct ImageSpan: Sendable {
    let image: ContentHash
    /// Ascending.
    let positions: [Int]

    /// Rows of the features that fall on `range` of the prompt.
    func rows(in range: Range<Int>) -> Range<Int> {
        let lower = firstRow(atOrAfter: range.lowerBound)
        return lower..<max(lower, firstRow(atOrAfter: range.upperBound))
    }

    private func firstRow(atOrAfter position: Int) -> Int {
        var (low, high) = (0, positions.count)
        while low < high {
            let middle = (low + high) / 2
            if positions[middle] < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// A request as the scheduler sees it: its tokens so far, and how many of them are in which pages.
///
/// A sequence that was preempted keeps its tokens and loses its pages; computing all its tokens again, as if they were
/// a prompt, puts it back where it was.
struct TokenSequence: Sendable {
    let id: SequenceID
    let priority: Priority
    let images: [ImageSpan]
    /// Rotary positions where they are not the tokens' indices.
    let grid: GridPositions?
    let promptCount: Int
    /// Whether the logits that predict the prompt's own tokens are wanted, for which all of it must be computed.
    let wantsPromptLogits: Bool
    /// The prompt, then the answer so far.
    private(set) var tokens: [Int32]
    /// Tokens whose keys and values are in `pages`.
    private(set) var computed = 0
    /// Pages for the first `pages.count × pageSize` tokens.
    private(set) var pages: [Int32] = []
    /// Full pages that the page table has been told of, and the content number of the last of them.
    private(set) var registeredPages = 0
    private(set) var lastContent = PageKey.root

    init(
        id: SequenceID, priority: Priority, prompt: [Int32], images: [ImageSpan] = [], grid: GridPositions? = nil,
        wantsPromptLogits: Bool = false
    ) {
        precondition(!prompt.isEmpty, "a sequence begins with at least one token")
        self.id = id
        self.priority = priority
        self.images = images
        self.grid = grid
        self.wantsPromptLogits = wantsPromptLogits
        promptCount = prompt.count
        tokens = prompt
    }

    /// Tokens that must be computed before the next can be chosen.
    var remaining: Int { tokens.count - computed }

    /// Whether all that is left is the token chosen last.
    var isDecoding: Bool { remaining == 1 && tokens.count > promptCount }

    func pagesNeeded(pageSize: Int) -> Int { (tokens.count + pageSize - 1) / pageSize - pages.count }

    /// Whether `self` is served before `other`: by priority, then by age.
    func precedes(_ other: TokenSequence) -> Bool { (priority.rawValue, id) < (other.priority.rawValue, other.id) }

    /// What full page `index` holds, given the content number of the page before.
    func key(ofPage index: Int, pageSize: Int, parent: PageKey.ContentNumber) -> PageKey {
        let range = index * pageSize..<(index + 1) * pageSize
        var parts: [PageKey.ImageRows] = []
        for span in images {
            let rows = span.rows(in: range)
            if rows.isEmpty { continue }
            let offsets = span.positions[rows].map { $0 - range.lowerBound }
            parts.append(.init(image: span.image, firstRow: rows.lowerBound, offsets: offsets))
        }
        return PageKey(parent: parent, tokens: Array(tokens[range]), images: parts)
    }

    /// First and last position of the image that has tokens both before `position` and from it on.
    func image(cutAt position: Int) -> (first: Int, last: Int)? {
        for span in images {
            guard let first = span.positions.first, let last = span.positions.last else { continue }
            if first < position && position <= last { return (first, last) }
        }
        return nil
    }

    /// Positions of `range` whose logits predict a token of the prompt that is no image's.
    func predictingPrompt(in range: Range<Int>) -> [Int] {
        guard wantsPromptLogits else { return [] }
        let predicted = (range.lowerBound + 1)..<max(range.lowerBound + 1, min(range.upperBound + 1, promptCount))
        let places = Set(images.flatMap { $0.positions[$0.rows(in: predicted)] })
        return predicted.lazy.filter { !places.contains($0) }.map { $0 - 1 }
    }

    // MARK: Changes

    /// Starts with pages that others computed, then room for the rest.
    mutating func admit(reusing prefix: [PageTable.Content], then rest: [Int32], pageSize: Int) {
        precondition(pages.isEmpty && computed == 0, "sequence \(id.number) is already admitted")
        pages = prefix.map(\.page) + rest
        computed = prefix.count * pageSize
        registeredPages = prefix.count
        lastContent = prefix.last?.number ?? PageKey.root
    }

    mutating func extend(by pages: [Int32]) { self.pages += pages }

    mutating func advance(by count: Int) {
        precondition(count <= remaining, "sequence \(id.number) cannot compute tokens that it does not have")
        computed += count
    }

    mutating func append(_ token: Int32) { tokens.append(token) }

    mutating func noteRegistered(_ content: PageKey.ContentNumber) {
        registeredPages += 1
        lastContent = content
    }

    /// Loses its place; its pages must have been given back.
    mutating func preempt() {
        pages = []
        computed = 0
        registeredPages = 0
        lastContent = PageKey.root
    }
}
