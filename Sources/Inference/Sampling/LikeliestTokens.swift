/// The likeliest tokens of a row of logits in order, without sorting the whole row.
///
/// Sorting only those within some depth of the greatest, which grows until they suffice, is what makes top-k and top-p
/// cheap: a whole vocabulary takes milliseconds to sort, its head rarely holds a hundred tokens.
struct LikeliestTokens: Sendable {
    let logits: [Float]
    let greatest: Float

    /// Tokens, likeliest first and of equals the lower id first: at least so many that `suffices` says so, or all.
    func head(until suffices: ([Int]) -> Bool) -> [Int] {
        var depth: Float = 4
        while true {
            let threshold = greatest - depth
            let head = logits.indices.filter { logits[$0] >= threshold }
            if depth == .infinity || suffices(head) {
                return head.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
            }
            depth = depth < 256 ? depth * 2 : .infinity
        }
    }
}
