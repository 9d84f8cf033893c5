import Models

/// A model as `/v1/models` lists it: NIM's keys in their order.
struct ModelObject {
    let name: String
    let card: ModelCard
    let contextLength: Int

    var json: JSONNode {
        [
            "id": .string(name),
            "object": "model",
            "created": .int(card.created),
            "owned_by": "system",
            "root": .string(name),
            "parent": nil,
            "max_model_len": .int(contextLength),
            "permission": [permission],
        ]
    }

    static func list(_ models: [ModelObject]) -> JSONNode {
        ["object": "list", "data": .array(models.map(\.json))]
    }

    /// Nothing is decided by it, but clients built against NIM read it. The id is the same after every start.
    private var permission: JSONNode {
        let id = ContentHash(of: "\(name)/\(card.weightsHash)".utf8).description.prefix(32)
        return [
            "id": .string("modelperm-\(id)"),
            "object": "model_permission",
            "created": .int(card.created),
            "allow_create_engine": false,
            "allow_sampling": true,
            "allow_logprobs": true,
            "allow_search_indices": false,
            "allow_view": true,
            "allow_fine_tuning": false,
            "organization": "*",
            "group": nil,
            "is_blocking": false,
        ]
    }
}
