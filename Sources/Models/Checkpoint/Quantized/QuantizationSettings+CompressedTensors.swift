/// compressed-tensors: groups of modules, each with arguments for its weights.
extension QuantizationSettings {
    static func compressedTensors(_ settings: Settings) throws -> Self {
        let format = try checkedFormat(settings, default: "mixed-precision")
        try refuse(settings, "sparsity_config", unless: { try $0.string("format", default: "dense") == "dense" })
        try refuse(settings, "transform_config", unless: { $0.keys.isEmpty })
        guard let all = try settings.section("config_groups") else {
            throw settings.failure("config_groups", expected: "an object")
        }
        guard all.keys.count <= mostGroups else {
            throw settings.failure("config_groups", expected: "at most \(mostGroups) groups")
        }
        var groups: [Group] = []
        for key in all.keys {
            guard let group = try all.section(key), let weights = try group.section("weights") else { continue }
            let layout = try layout(weights, format: try checkedFormat(group, default: format))
            let targets = try group.strings("targets")
            if targets.contains(where: isLinear) { groups.append(Group(targets: nil, layout: layout)) }
            let named = targets.filter { !isLinear($0) }
            if !named.isEmpty {
                groups.append(
                    Group(
                        targets: try ModulePatterns(named, group, "targets", includingChildren: false), layout: layout))
            }
        }
        return Self(
            method: "compressed-tensors", groups: groups,
            ignored: try ModulePatterns(settings, ["ignore"], includingChildren: false))
    }

    private static let mostGroups = 64

    private static let formats = [
        "float-quantized", "int-quantized", "naive-quantized", "pack-quantized", "nvfp4-pack-quantized",
        "mixed-precision", "dense",
    ]

    private static func checkedFormat(_ settings: Settings, default fallback: String) throws -> String {
        let format = try settings.string("format", default: fallback)
        guard formats.contains(format) else {
            throw settings.unsupported("format", supported: formats.dropLast().joined(separator: ", "))
        }
        return format
    }

    private static func isLinear(_ target: String) -> Bool { target == "Linear" || target == "LinearBase" }

    private static func refuse(_ settings: Settings, _ key: String, unless isHarmless: (Settings) throws -> Bool) throws
    {
        guard let section = try settings.section(key), try !isHarmless(section) else { return }
        throw settings.unsupported(key, supported: "checkpoints without it")
    }

    private static func layout(_ weights: Settings, format: String) throws -> QuantizedLayout {
        let bits = try weights.integer("num_bits", in: 1...64, default: 8)
        let isSymmetric = try weights.boolean("symmetric", default: true)
        switch (try weights.string("type", default: "int"), bits) {
        case ("float", 8) where isSymmetric:
            return .bytes(.e4m3, scale: "weight_scale", try granularity(weights))
        case ("int", 8) where isSymmetric && format != "pack-quantized":
            return .bytes(.int8, scale: "weight_scale", try granularity(weights))
        case ("int", 4),
            ("int", 8) where format == "pack-quantized":
            return .integers(
                IntegerLayout(
                    order: .rows, bits: bits, groupSize: try groupSize(weights), hasZeros: !isSymmetric,
                    needsGroupIndex: isOrderedByActivation(weights)))
        case ("float", 4) where isSymmetric:
            guard try groupSize(weights) == FP4Matrix.groupSize else {
                throw weights.unsupported("group_size", supported: "16, as in NVFP4")
            }
            return .fp4(.compressedTensors)
        default:
            throw weights.unsupported(
                "num_bits",
                supported: "symmetric floats of 8 and 4 bits, symmetric integers of 8, packed integers of 4 and 8")
        }
    }

    private static func granularity(_ weights: Settings) throws -> ByteMatrix.Granularity {
        switch try weights.string("strategy", default: "tensor") {
        case "tensor": return .matrix
        case "channel": return .output
        case "block":
            guard let block = try weights.integers("block_structure", in: blockSizes) else {
                throw weights.failure("block_structure", expected: "two numbers")
            }
            return try granularity(block, weights, "block_structure")
        default: throw weights.unsupported("strategy", supported: "tensor, channel, block")
        }
    }

    /// Nil for a scale of each output.
    private static func groupSize(_ weights: Settings) throws -> Int? {
        let hasGroups = weights.value("group_size") != nil && weights.value("group_size") != .integer(-1)
        switch try weights.string("strategy", default: hasGroups ? "group" : "channel") {
        case "channel": return nil
        case "group", "tensor_group": return try weights.integer("group_size", in: 1...1 << 20)
        default: throw weights.unsupported("strategy", supported: "channel, group, tensor_group")
        }
    }

    private static func isOrderedByActivation(_ weights: Settings) -> Bool {
        switch weights.value("actorder") {
        case .boolean(true), .string("group"), .string("dynamic"): true
        default: false
        }
    }
}
