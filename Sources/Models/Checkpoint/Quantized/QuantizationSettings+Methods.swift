/// The methods that have one layout for the whole checkpoint.
extension QuantizationSettings {
    /// FP8 with one scale for each block, as DeepSeek and Qwen publish it, or for each matrix where there are no blocks.
    static func float8(_ settings: Settings) throws -> Self {
        let format = try settings.string("fmt", default: "e4m3")
        guard format == "e4m3" else { throw settings.unsupported("fmt", supported: "e4m3") }
        let layout: QuantizedLayout =
            if let block = try settings.integers("weight_block_size", in: blockSizes) {
                .bytes(.e4m3, scale: "weight_scale_inv", try granularity(block, settings, "weight_block_size"))
            } else {
                .bytes(.e4m3, scale: "weight_scale", .matrix)
            }
        return try .one(layout, "fp8", ignoring: ["modules_to_not_convert", "ignored_layers"], settings)
    }

    static func modelOpt(_ settings: Settings) throws -> Self {
        // Without an algorithm for weights only the cache is quantised.
        guard settings.value("quant_algo") != nil else {
            return Self(method: "modelopt", groups: [], ignored: try ModulePatterns([], settings, "ignore"))
        }
        let layout: QuantizedLayout
        switch try settings.string("quant_algo") {
        case "FP8": layout = .bytes(.e4m3, scale: "weight_scale", .matrix)
        case "FP8_PER_CHANNEL_PER_TOKEN": layout = .bytes(.e4m3, scale: "weight_scale", .output)
        case "NVFP4":
            let size = try settings.integer("group_size", in: 1...1 << 20, default: FP4Matrix.groupSize)
            guard size == FP4Matrix.groupSize else { throw settings.unsupported("group_size", supported: "16") }
            layout = .fp4(.modelOpt)
        default: throw settings.unsupported("quant_algo", supported: "FP8, FP8_PER_CHANNEL_PER_TOKEN, NVFP4")
        }
        return try .one(layout, "modelopt", ignoring: ["ignore", "exclude_modules"], settings)
    }

    static func awq(_ settings: Settings) throws -> Self {
        let format = try settings.string("version", default: settings.string("format", default: "gemm"))
        guard format.lowercased() == "gemm" else {
            throw settings.unsupported(settings.value("version") == nil ? "format" : "version", supported: "gemm")
        }
        let bitsKey = settings.value("bits") == nil ? "w_bit" : "bits"
        guard try settings.integer(bitsKey, in: 1...16, default: 4) == 4 else {
            throw settings.unsupported(bitsKey, supported: "4")
        }
        guard try settings.boolean("zero_point", default: true) else {
            throw settings.unsupported("zero_point", supported: "true")
        }
        let sizeKey = settings.value("group_size") == nil ? "q_group_size" : "group_size"
        let layout = IntegerLayout(
            order: .awq, bits: 4, groupSize: try groupSize(settings, sizeKey), hasZeros: true, needsGroupIndex: false)
        return try .one(.integers(layout), "awq", ignoring: ["modules_to_not_convert"], settings)
    }

    static func gptq(_ settings: Settings) throws -> Self {
        let key = settings.value("checkpoint_format") == nil ? "format" : "checkpoint_format"
        let format = try settings.string(key, default: "gptq")
        guard ["gptq", "gptq_v2"].contains(format) else { throw settings.unsupported(key, supported: "gptq, gptq_v2") }
        guard try !settings.boolean("is_marlin_format", default: false) else {
            throw settings.unsupported("is_marlin_format", supported: "false")
        }
        // Modules that are left out show in the files; others' own sizes would have to be known.
        guard try settings.section("dynamic")?.keys.allSatisfy({ $0.hasPrefix("-:") }) ?? true else {
            throw settings.unsupported("dynamic", supported: "rules that leave modules out (-:)")
        }
        let bits = try settings.integer("bits", in: 1...16)
        guard bits == 4 || bits == 8 else { throw settings.unsupported("bits", supported: "4, 8") }
        let layout = IntegerLayout(
            order: .gptq(storesOneLess: format == "gptq"), bits: bits, groupSize: try groupSize(settings, "group_size"),
            hasZeros: true, needsGroupIndex: try settings.boolean("desc_act", default: false))
        return try .one(.integers(layout), "gptq", ignoring: [], settings)
    }

    // MARK: What they share

    static let blockSizes = 1...1 << 20

    static func granularity(_ block: [Int], _ settings: Settings, _ key: String) throws -> ByteMatrix.Granularity {
        guard block.count == 2 else { throw settings.failure(key, expected: "two numbers") }
        return .block(rows: block[0], columns: block[1])
    }

    /// Inputs that share a scale; nil for −1, which is all of them.
    private static func groupSize(_ settings: Settings, _ key: String) throws -> Int? {
        let size = try settings.integer(key, in: -1...1 << 20, default: 128)
        guard size != 0 else { throw settings.failure(key, expected: "−1 or at least 1") }
        return size == -1 ? nil : size
    }

    private static func one(
        _ layout: QuantizedLayout, _ method: String, ignoring keys: [String], _ settings: Settings
    ) throws -> Self {
        Self(
            method: method, groups: [Group(targets: nil, layout: layout)],
            ignored: try ModulePatterns(settings, keys, includingChildren: true))
    }
}
