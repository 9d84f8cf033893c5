import Workers

extension ChatAnswer {
    /// What an answer was made from, for those who keep it: the weights, and each image as it was seen. Only stored
    /// answers carry it, under a key of ours; a synchronous one has NIM's keys and no others.
    var facts: JSONNode {
        [
            "weights_sha256": .string(weightsHash),
            "quantization": .optional(quantization),
            "images": .array(
                images.map {
                    [
                        "sha256": .string($0.sha256), "width": .int($0.width), "height": .int($0.height),
                        "bytes": .int($0.byteCount),
                    ]
                }),
        ]
    }
}
