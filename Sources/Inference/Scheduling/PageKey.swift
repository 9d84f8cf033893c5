import Models

/// What a full page of keys and values was computed from: everything before it, its own tokens, and the images whose
/// features stood in for some of them.
///
/// `parent` names the content of the page before by a number that is never given twice, so a chain of keys compares
/// whole prefixes exactly: no two different prefixes can be taken for one another, as they could with a chained digest.
/// Rotary positions need no place in it: they follow from the images before a token and its own, whose hashes tell grids apart.
struct PageKey: Hashable, Sendable {
    /// Rows of an image's features inside one page.
    struct ImageRows: Hashable, Sendable {
        let image: ContentHash
        let firstRow: Int
        /// Where the rows lie in the page.
        let offsets: [Int]
    }

    /// Number of a page's content; `root` stands before the first page.
    typealias ContentNumber = UInt64
    static let root: ContentNumber = 0

    let parent: ContentNumber
    let tokens: [Int32]
    let images: [ImageRows]
}
