/// OpenAI's list: `last_id` is what the next page's `after` is. Ids are null when there is nothing.
struct ListPage {
    let objects: [(id: String, json: JSONNode)]
    let hasMore: Bool

    /// - Parameter found: one more than `limit` where there is more.
    init<Element>(_ found: [Element], limit: Int, _ object: (Element) -> (id: String, json: JSONNode)) {
        objects = found.prefix(limit).map(object)
        hasMore = found.count > limit
    }

    var json: JSONNode {
        [
            "object": "list",
            "data": .array(objects.map(\.json)),
            "first_id": .optional(objects.first?.id),
            "last_id": .optional(objects.last?.id),
            "has_more": .bool(hasMore),
        ]
    }
}
