import Hummingbird
import Models

/// What is running here: NIM's `/v1/version`, `/v1/metadata`, `/v1/license` and `/v1/manifest`, vLLM's `/version`.
struct MetadataRoutes: Sendable {
    /// Of this program and of the HTTP interface.
    static let release = "0.1.0"
    static let interface = "1.0"

    let card: ModelCard
    let rules: ChatRules
    let license: License?

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/version") { _, _ in
            Response(json: ["release": .string(Self.release), "api": .string(Self.interface)])
        }
        router.get("version") { _, _ in Response(json: ["version": .string(Self.release)]) }
        router.get("v1/metadata") { _, _ in Response(json: metadata) }
        router.get("v1/license") { _, _ in Response(json: License.json(license)) }
        router.get("v1/manifest") { _, _ in
            Response(json: ["manifest_file": .string(manifest), "repository_override": ""])
        }
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

    /// What was loaded, as YAML: NIM puts the text of its profiles' manifest there. Strings are quoted as JSON quotes them,
    /// which YAML reads.
    private var manifest: String {
        let lines: [(String, JSONNode)] = [
            ("model", .string(card.name)), ("family", .string(card.family)),
            ("weights_sha256", .string(card.weightsHash)), ("quantization", .string(card.quantization.rawValue)),
            ("parameters", .int(card.parameterCount)), ("weight_bytes", .int(card.weightBytes)),
            ("max_model_len", .int(rules.contextLength)), ("release", .string(Self.release)),
        ]
        return lines.map { "\($0): \($1.text)\n" }.joined()
    }
}
