import Compute

/// What config.json says of a Qwen2.5-VL or Qwen3-VL checkpoint.
struct QwenVLConfiguration: Sendable, Equatable {
    /// The two generations differ in the tower more than in the decoder.
    enum Generation: Sendable { case qwen25, qwen3 }

    /// A block normalises by root mean square and gates its feed-forward in Qwen2.5-VL, and neither in Qwen3-VL.
    struct Vision: Sendable, Equatable {
        var blocks: EncoderConfiguration
        var patchSize: Int
        /// Patches along a side of the square that becomes one token.
        var merge: Int
        /// Frames of a video that a patch spans; a picture is shown in all of them.
        var frames: Int
        /// Side of a window in merged squares; nil where every block sees the whole picture.
        var window: Int?
        /// Blocks that see the whole picture all the same.
        var wholeBlocks: Set<Int>
        /// Cells along a side of the table of learned positions, which is stretched over the picture; nil without one.
        var positionSide: Int?
        /// Blocks after which a level of features is taken for the decoder's first layers (DeepStack).
        var levelBlocks: [Int]
        var rotaryTheta: Float
    }

    var generation: Generation
    var vision: Vision
    var text: DecoderConfiguration
    /// The placeholder `<|image_pad|>`.
    var imageToken: Int32

    /// Side of the square of pixels that becomes one token.
    var tokenSide: Int { vision.patchSize * vision.merge }

    init(_ settings: Settings, _ generation: Generation) throws {
        // Before transformers 4.52 the decoder's settings lay at the top.
        let textSettings = try settings.section("text_config") ?? settings
        guard let visionSettings = try settings.section("vision_config") else {
            throw settings.failure("vision_config", expected: "an object")
        }
        let kinds =
            switch generation {
            case .qwen25: ["qwen2_5_vl_text", "qwen2_5_vl", "qwen2"]
            case .qwen3: ["qwen3_vl_text", "qwen3"]
            }
        text = try DecoderConfiguration(textSettings, root: settings, kinds: kinds)
        guard text.rotary.axes != nil else {
            throw textSettings.failure("rope_parameters", expected: "an object with mrope_section")
        }
        // The decoder turns pairs in turn whatever the flag says, as its only implementation does.
        text.rotary.axes?.isInterleaved = generation == .qwen3
        vision = try Vision(visionSettings, generation)
        guard try visionSettings.integer("out_hidden_size", in: 1...65_536) == text.width else {
            throw visionSettings.failure("out_hidden_size", expected: "the decoder's hidden_size \(text.width)")
        }
        guard vision.levelBlocks.count <= text.layers else {
            throw visionSettings.failure(
                "deepstack_visual_indexes", expected: "no more than the decoder's \(text.layers) layers")
        }
        imageToken = Int32(try settings.integer("image_token_id", in: 0...text.vocabulary - 1, default: 151_655))
        self.generation = generation
    }
}

extension QwenVLConfiguration.Vision {
    init(_ settings: Settings, _ generation: QwenVLConfiguration.Generation) throws {
        let isGated = generation == .qwen25
        for key in ["in_channels", "in_chans"] where try settings.integer(key, in: 1...16, default: 3) != 3 {
            throw settings.unsupported(key, supported: "3")
        }
        let activation = isGated ? "silu" : "gelu_pytorch_tanh"
        guard try settings.string("hidden_act", default: activation) == activation else {
            throw settings.unsupported("hidden_act", supported: activation)
        }
        let layers = try settings.integer("depth", in: 1...1024)
        blocks = EncoderConfiguration(
            width: try settings.integer("hidden_size", in: 1...65_536), layers: layers,
            heads: try settings.integer("num_heads", in: 1...1024),
            feedForwardWidth: try settings.integer("intermediate_size", in: 1...1 << 20), epsilon: 1e-6,
            activation: isGated ? .silu : .geluTanh)
        guard blocks.width.isMultiple(of: 4 * blocks.heads) else {
            throw settings.failure("num_heads", expected: "heads of whole fours of the width \(blocks.width)")
        }
        patchSize = try settings.integer("patch_size", in: 1...256, default: isGated ? 14 : 16)
        merge = try settings.integer("spatial_merge_size", in: 1...8, default: 2)
        frames = try settings.integer("temporal_patch_size", in: 1...16, default: 2)
        let rotary = try settings.section("rope_parameters")
        rotaryTheta = Float(try rotary?.number("rope_theta", in: 1...1e12, default: 10_000) ?? 10_000)
        func blockNumbers(_ key: String, default fallback: [Int]) throws -> [Int] {
            let numbers = try settings.integers(key, in: 0...layers - 1) ?? fallback
            guard numbers.allSatisfy((0..<layers).contains), zip(numbers, numbers.dropFirst()).allSatisfy(<) else {
                throw settings.failure(key, expected: "ascending numbers of the \(layers) blocks")
            }
            return numbers
        }
        if isGated {
            window = try settings.integer("window_size", in: 1...1 << 16, default: 112) / patchSize / merge
            guard window != 0 else {
                throw settings.failure("window_size", expected: "at least \(patchSize * merge) pixels")
            }
            wholeBlocks = Set(try blockNumbers("fullatt_block_indexes", default: [7, 15, 23, 31]))
            (positionSide, levelBlocks) = (nil, [])
        } else {
            (window, wholeBlocks) = (nil, [])
            let cells = try settings.integer("num_position_embeddings", in: 1...1 << 24, default: 2304)
            let side = Int(Double(cells).squareRoot())
            guard side * side == cells else {
                throw settings.failure("num_position_embeddings", expected: "the square of a whole number")
            }
            positionSide = side
            levelBlocks = try blockNumbers("deepstack_visual_indexes", default: [8, 16, 24])
        }
    }
}
