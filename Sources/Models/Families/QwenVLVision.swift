import Compute

/// The eye of Qwen2.5-VL (Bai et al. 2025, arXiv:2502.13923) and Qwen3-VL: a transformer over a picture in nearly its own size,
/// whose heads turn by row and column, and in the end four patches become one token.
struct QwenVLVision: ImageTower {
    let configuration: QwenVLConfiguration.Vision
    /// [width, 3 × patchSize²] and [width].
    private let patchWeight: Tensor
    private let patchBias: Tensor?
    private let positions: StretchedPositions?
    let blocks: [QwenVLBlock]
    /// The decoder's embeddings first, then its levels.
    let mergers: [QwenVLMerger]
    /// Radians a row, and a column, of a quarter of each head.
    private let frequencies: [Float]

    init(_ weights: Weights, _ configuration: QwenVLConfiguration) throws {
        let tower = weights.scoped("visual")
        let (vision, width) = (configuration.vision, configuration.vision.blocks.width)
        self.configuration = vision
        let size = vision.patchSize
        // Every frame that a patch spans shows the same, so that the kernel's frames may be added up beforehand.
        patchWeight = try tower.derived(
            "patch_embed.proj.weight", shape: [width, 3, vision.frames, size, size]
        ) { Self.summed($0) }
        let isQwen3 = configuration.generation == .qwen3
        patchBias = isQwen3 ? try tower.vectors(["patch_embed.proj.bias"], shapes: [[width]]) : nil
        positions = try vision.positionSide.map {
            try StretchedPositions(tower, name: "pos_embed.weight", side: $0, width: width)
        }
        blocks = try (0..<vision.blocks.layers).map {
            try QwenVLBlock(tower.scoped("blocks.\($0)"), vision.blocks, configuration.generation)
        }
        let levels = vision.levelBlocks.indices.map { tower.scoped("deepstack_merger_list.\($0)") }
        mergers = try ([tower.scoped("merger")] + levels).enumerated().map { level, weights in
            try QwenVLMerger(weights, configuration, isLevel: level > 0)
        }
        frequencies =
            Rotary(
                Rotary.Configuration(theta: vision.rotaryTheta, scaling: .none),
                headSize: width / vision.blocks.heads / 2
            ).frequencies
    }

    func beginEncoding(_ image: ProcessedImage, on backend: any Backend) throws -> any ImageEncoding {
        try QwenVLEncoding(of: image, by: self, on: backend)
    }

    /// Patches with positions, [places, width].
    func embed(_ image: ProcessedImage, at places: ArraySlice<PatchGrid.Place>, on backend: any Backend) throws
        -> Tensor
    {
        let patches = try backend.upload(image.patches(at: places, size: configuration.patchSize))
        let hidden = try backend.linear(patches, patchWeight, bias: patchBias, activation: .none)
        if let positions {
            let rows = positions.rows(
                at: places, of: image.height / configuration.patchSize, by: image.width / configuration.patchSize)
            try backend.addRows(of: backend.upload(rows), to: hidden)
        }
        return hidden
    }

    /// Of each patch: by its row the first quarter of a head's pairs, by its column the second.
    func angles(at places: [PatchGrid.Place], on backend: any Backend) throws -> RotaryAngles {
        let angles = places.flatMap { place in
            frequencies.map { Float(place.row) * $0 } + frequencies.map { Float(place.column) * $0 }
        }
        return try RotaryAngles(ofAngles: angles, width: 2 * frequencies.count, on: backend)
    }

    /// [outputs, 3, frames, size, size] → [outputs, 3 × size²].
    private static func summed(_ kernel: Tensor) -> Tensor {
        let (frames, square) = (kernel.shape[2], kernel.shape[3] * kernel.shape[4])
        let values = kernel.bytes.bindMemory(to: Float.self)
        var sums: [Float] = []
        sums.reserveCapacity(kernel.count / frames)
        for plane in 0..<kernel.shape[0] * 3 {
            for pixel in 0..<square {
                sums.append((0..<frames).reduce(0) { $0 + values[(plane * frames + $1) * square + pixel] })
            }
        }
        return withExtendedLifetime(kernel) { .host(sums, shape: [kernel.shape[0], 3 * square]) }
    }
}

/// One block: attention and feed-forward, each behind a norm and added to the stream.
struct QwenVLBlock: Sendable {
    private let attentionNorm: RowNorm
    private let queryKeyValue: Linear
    private let output: Linear
    private let feedForwardNorm: RowNorm
    private let feedForward: FeedForward
    private let heads: Int

    private enum FeedForward: Sendable {
        case gated(gateUp: Linear, down: Linear)
        case plain(up: Linear, Activation, down: Linear)
    }

    init(
        _ weights: Weights, _ configuration: EncoderConfiguration, _ generation: QwenVLConfiguration.Generation
    ) throws {
        let (width, inner, mlp) = (configuration.width, configuration.feedForwardWidth, weights.scoped("mlp"))
        func norm(_ name: String) throws -> RowNorm {
            try RowNorm(weights.scoped(name), width: width, epsilon: configuration.epsilon, generation)
        }
        attentionNorm = try norm("norm1")
        queryKeyValue = try Linear(weights.scoped("attn.qkv"), inputs: width, outputs: 3 * width, bias: true)
        output = try Linear(weights.scoped("attn.proj"), inputs: width, outputs: width, bias: true)
        feedForwardNorm = try norm("norm2")
        feedForward =
            switch generation {
            case .qwen25:
                .gated(
                    gateUp: try Linear(
                        mlp, fusing: ["gate_proj", "up_proj"], inputs: width, outputs: [inner, inner], bias: true),
                    down: try Linear(mlp.scoped("down_proj"), inputs: inner, outputs: width, bias: true))
            case .qwen3:
                .plain(
                    up: try Linear(mlp.scoped("linear_fc1"), inputs: width, outputs: inner, bias: true),
                    configuration.activation,
                    down: try Linear(mlp.scoped("linear_fc2"), inputs: inner, outputs: width, bias: true))
            }
        heads = configuration.heads
    }

    /// Queries, keys and values of `rows`, queries and keys turned, [rows, 3 × width].
    func project(_ rows: Tensor, _ angles: RotaryAngles, on backend: any Backend) throws -> Tensor {
        let projected = try queryKeyValue(attentionNorm.input(rows, on: backend), on: backend)
        try backend.rotateHeads(of: projected, columns: 0..<2 * rows.width, by: angles)
        return projected
    }

    /// Adds to `rows`, which are `queries` of `projected`, what they attend to in their segments.
    func attend(
        _ projected: Tensor, segments: [Int], queries: Range<Int>, addingTo rows: Tensor, on backend: any Backend
    ) throws {
        let attended = try backend.attention(projected, heads: heads, segments: segments, queries: queries)
        try output.add(attended, to: rows, on: backend)
    }

    /// Updates `rows` in place, a few at a time: what lies between the products is wider than they are.
    func feedForward(_ rows: Tensor, on backend: any Backend) throws {
        for start in stride(from: 0, to: rows.rows, by: 256) {
            let part = rows.rows(start..<min(start + 256, rows.rows))
            let input = try feedForwardNorm.input(part, on: backend)
            switch feedForward {
            case .gated(let gateUp, let down):
                try down.add(.siluGated(gateUp(input, on: backend)), to: part, on: backend)
            case .plain(let up, let activation, let down):
                try down.add(up(input, activation: activation, on: backend), to: part, on: backend)
            }
        }
    }
}

/// Neighbouring patches, which lie one after the other, as one row of features.
struct QwenVLMerger: Sendable {
    private let norm: RowNorm
    /// Whether the norm sees the merged rows.
    private let mergesFirst: Bool
    private let mergedWidth: Int
    private let first: Linear
    private let second: Linear

    init(_ weights: Weights, _ configuration: QwenVLConfiguration, isLevel: Bool) throws {
        let (vision, generation) = (configuration.vision, configuration.generation)
        let names = generation == .qwen25 ? ["ln_q", "mlp.0", "mlp.2"] : ["norm", "linear_fc1", "linear_fc2"]
        mergedWidth = vision.blocks.width * vision.merge * vision.merge
        mergesFirst = isLevel
        norm = try RowNorm(
            weights.scoped(names[0]), width: isLevel ? mergedWidth : vision.blocks.width,
            epsilon: vision.blocks.epsilon, generation)
        first = try Linear(weights.scoped(names[1]), inputs: mergedWidth, outputs: mergedWidth, bias: true)
        second = try Linear(
            weights.scoped(names[2]), inputs: mergedWidth, outputs: configuration.text.width, bias: true)
    }

    /// [units × merge², width] → [units, decoder width].
    func callAsFunction(_ rows: Tensor, on backend: any Backend) throws -> Tensor {
        let shape = [rows.count / mergedWidth, mergedWidth]
        let merged =
            mergesFirst ? try norm(rows.reshaped(shape), on: backend) : try norm(rows, on: backend).reshaped(shape)
        return try second(first(merged, activation: .gelu, on: backend), on: backend)
    }
}

/// The norm of a generation.
private enum RowNorm: Sendable {
    case meanSquare(RMSNorm)
    case layer(LayerNorm)

    init(_ weights: Weights, width: Int, epsilon: Float, _ generation: QwenVLConfiguration.Generation) throws {
        switch generation {
        case .qwen25: self = .meanSquare(try RMSNorm(weights, width: width, epsilon: epsilon))
        case .qwen3: self = .layer(try LayerNorm(weights, width: width, epsilon: epsilon))
        }
    }

    func callAsFunction(_ rows: Tensor, on backend: any Backend) throws -> Tensor {
        switch self {
        case .meanSquare(let norm): try norm(rows, on: backend)
        case .layer(let norm): try norm(rows, on: backend)
        }
    }

    func input(_ rows: Tensor, on backend: any Backend) throws -> LinearInput {
        switch self {
        case .meanSquare(let norm): norm.input(rows)
        case .layer(let norm): .rows(try norm(rows, on: backend))
        }
    }
}
