import Compute
import Models
import Synchronization

/// A model whose logits are a hash of the sequence's own tokens, read back from the pages it was given.
///
/// Each token (or row of image features) is stored as a number in its place of the cache, in every layer and head. A
/// wrong page, a wrong position, a stale or a missing feature gives another answer than `expectedAnswer`, which knows
/// nothing of pages.
struct PageReadingModel: VisionLanguageModel {
    static let featureWidth = 3

    let shape: ModelShape
    let backend = HostBackend()
    /// Called at the beginning of every step, on the engine's thread; may throw or wait.
    var onForward: @Sendable (ForwardBatch) throws -> Void = { _ in }
    /// Called at the beginning of every slice of an image, with the slice's number, as `onForward` is.
    var onSlice: @Sendable (ProcessedImage, Int) throws -> Void = { _, _ in }
    /// Slices of an image.
    var slices = 1
    /// Rows of features beyond those that an image should give.
    var excessRows = 0
    /// A token after which the logits are no numbers.
    var brokenAfter: Int32?

    init(contextLength: Int = 256) {
        shape = ModelShape(
            vocabulary: ByteTokenizer.vocabulary, layers: 2, kvHeads: 2, headSize: 2, contextLength: contextLength)
    }

    func beginEncoding(_ image: ProcessedImage) throws -> any ImageEncoding { Encoding(image: image, model: self) }

    private struct Encoding: ImageEncoding {
        let image: ProcessedImage
        let model: PageReadingModel
        var slice = 0

        mutating func advance() throws -> Tensor? {
            try model.onSlice(image, slice)
            slice += 1
            guard slice == model.slices else { return nil }
            let features = try model.backend.makeTensor([image.tokenCount + model.excessRows, featureWidth], .f32)
            for row in 0..<features.rows {
                for column in 0..<featureWidth {
                    features[flat: row * featureWidth + column] = feature(of: image, row: row)
                }
            }
            return features
        }
    }

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor {
        try onForward(batch)
        var inputs = batch.tokens.map { Float($0) }
        for part in batch.features {
            for (index, row) in part.rows.enumerated() {
                inputs[Int(row)] = part.features[flat: index * Self.featureWidth]
            }
        }
        let logits = try backend.makeTensor([batch.logitRows.count, shape.vocabulary], .f32)
        for sequence in batch.layout.sequences {
            for row in sequence.rows {
                let position = sequence.contextLength - sequence.rows.upperBound + row
                precondition(position == Int(batch.positions[row]), "positions disagree with the layout")
                write(inputs[row], at: position, of: sequence, cache)
            }
            for (index, row) in batch.logitRows.enumerated() where sequence.rows.contains(Int(row)) {
                let position = Int(batch.positions[Int(row)])
                let hash = Self.hash((0...position).lazy.flatMap { read(at: $0, of: sequence, cache) })
                for token in 0..<shape.vocabulary {
                    let isBroken = batch.tokens[Int(row)] == brokenAfter
                    logits[flat: index * shape.vocabulary + token] =
                        isBroken ? .nan : Self.logit(of: token, after: hash)
                }
            }
        }
        return logits
    }

    private func write(_ value: Float, at position: Int, of sequence: BatchLayout.Sequence, _ cache: KVCache) {
        for (layer, head, element) in places(at: position, of: sequence, cache) {
            cache.keys[layer][flat: element] = value + Float(layer + 10 * head)
            cache.values[layer][flat: element] = -value
        }
    }

    private func read(at position: Int, of sequence: BatchLayout.Sequence, _ cache: KVCache) -> [Float] {
        places(at: position, of: sequence, cache).flatMap { layer, head, element in
            [cache.keys[layer][flat: element] - Float(layer + 10 * head), cache.values[layer][flat: element]]
        }
    }

    private func places(
        at position: Int, of sequence: BatchLayout.Sequence, _ cache: KVCache
    ) -> [(layer: Int, head: Int, element: Int)] {
        let page = Int(sequence.pages[position / cache.shape.pageSize])
        let slot = position % cache.shape.pageSize
        return (0..<shape.layers).flatMap { layer in
            (0..<shape.kvHeads).map { head in
                let row = (page * shape.kvHeads + head) * cache.shape.pageSize + slot
                return (layer, head, row * shape.headSize)
            }
        }
    }

    // MARK: What must come out

    static func feature(of image: ProcessedImage, row: Int) -> Float {
        1000 * Float(image.pixels[0]) + Float(row) + 0.5
    }

    static func logit(of token: Int, after hash: UInt64) -> Float {
        var mixed = SeededGenerator(Int(truncatingIfNeeded: hash &+ UInt64(token) &* 0x2545_F491_4F6C_DD1D))
        return Float(mixed.next() >> 40) / Float(1 << 21) - 4
    }

    private static func hash(_ values: some Sequence<Float>) -> UInt64 {
        values.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01B3 }
    }

    /// Logits after `inputs`, by the definition.
    static func logits(after inputs: [Float], vocabulary: Int) -> [Float] {
        let hash = hash(inputs.lazy.flatMap { value in (0..<4).flatMap { _ in [value, -value] } })
        return (0..<vocabulary).map { logit(of: $0, after: hash) }
    }

    /// The greedy answer of `count` tokens to `prompt`, by the definition.
    static func expectedAnswer(to prompt: Prompt, count: Int) -> [Int32] {
        var inputs = prompt.tokens.map { Float($0) }
        for placed in prompt.images {
            for (row, position) in placed.positions.enumerated() {
                inputs[position] = feature(of: placed.image, row: row)
            }
        }
        return (0..<count).map { _ in
            let logits = logits(after: inputs, vocabulary: ByteTokenizer.vocabulary)
            let token = logits.indices.max { (logits[$0], $1) < (logits[$1], $0) } ?? 0
            inputs.append(Float(token))
            return Int32(token)
        }
    }
}
