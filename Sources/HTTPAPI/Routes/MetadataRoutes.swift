import Hummingbird
import Models

/// What is running here: NIM's `/v1/version` and `/v1/metadata`, vLLM's `/version`.
struct MetadataRoutes: Sendable {
    /// Of this program and of the HTTP interface.
    static let release = "0.1.0"
    static let interface = "1.0"

    let card: ModelCard
    let rules: ChatRules

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/version") { _, _ in
            Response(json: ["release": .string(Self.release), "api": .string(Self.interface)])
        }
        router.get("version") { _, _ in Response(json: ["version": .string(Self.release)]) }
        router.get("v1/metadata") { _, _ in Response(json: metadata) }
    }

    /// NIM's keys, and the limits that a client would otherwise have to find by trying.
    private var metadata: JSONNode {
        [
            "version": .string(Self.release),
            "modelInfo": [["shortName": .string(rules.modelName), "modelUrl": .string(card.name)]],
            "model_type": .string(card.family),
            "assetInfo": [.string("sha256:\(card.weightsHash)")],
            "inference_endpoint": "/v1/chat/completions",
            "limits": [
                "max_model_len": .int(rules.contextLength),
                "max_images": .int(rules.maxImages ?? 0),
                "max_image_bytes": .int(rules.imageLimits.maxBytes),
                "max_image_pixels": .int(rules.imageLimits.maxPixels),
            ],
        ]
    }
}
