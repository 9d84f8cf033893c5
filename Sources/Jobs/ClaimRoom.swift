/// How many requests a worker can take on: interactive ones, bulk ones, and of both together.
///
/// Room that bulk requests leave is lent to interactive ones, never the other way; when bulk work comes, it gets its room
/// back as those end. So neither kind can starve the other, and nothing stands idle.
public struct ClaimRoom: Sendable, Hashable {
    public var interactive: Int
    public var bulk: Int
    public var total: Int

    public init(interactive: Int, bulk: Int, total: Int) {
        self.interactive = max(interactive, 0)
        self.bulk = max(bulk, 0)
        self.total = max(total, 0)
    }
}
