/// The kernels by name; each takes the struct `<name>_arguments` of `kernel_arguments.h`, or the one its comment there says.
enum Kernel: String, CaseIterable, Sendable {
    case embedRows = "embed_rows"
    case gatherRows = "gather_rows"
    case scatterRows = "scatter_rows"
    case addRows = "add_rows"
    case scaleValues = "scale_values"
    case roundValues = "round_values"
    case activateValues = "activate_values"
    case gateRows = "gate_rows"
    case rmsNormRows = "rms_norm_rows"
    case layerNormRows = "layer_norm_rows"
    case rmsNormHeads = "rms_norm_heads"
    case rotateHeads = "rotate_heads"
    case multiplyOneF32 = "multiply_one_f32"
    case multiplyOneF16 = "multiply_one_f16"
    case multiplyOneBF16 = "multiply_one_bf16"
    case multiplyFourF32 = "multiply_four_f32"
    case multiplyFourF16 = "multiply_four_f16"
    case multiplyFourBF16 = "multiply_four_bf16"
    case multiplyTilesF32 = "multiply_tiles_f32"
    case multiplyTilesF16 = "multiply_tiles_f16"
    case multiplyTilesBF16 = "multiply_tiles_bf16"
    case attendSegments = "attend_segments"
    case storeStep = "store_step"
    case attendPages = "attend_pages"
    case attendRuns = "attend_runs"
    case joinRuns = "join_runs"
    case cutPatches = "cut_patches"
    case foldPixels = "fold_pixels"
}

extension Kernel {
    /// Whether its launches ask for shared memory, which beyond 48 KiB a kernel must be allowed first.
    var hasDynamicShared: Bool { [.attendSegments, .attendPages, .attendRuns].contains(self) }
}
