/// A matrix of unsigned whole numbers packed into words of 32 bits, in groups of inputs that share a scale and a zero:
/// weight = (code − zero) · scale.
struct IntegerMatrix: QuantizedMatrix {
    let codes: StoredTensor
    let shape: [Int]
    private let layout: IntegerLayout
    private let scale: StoredTensor
    private let zero: StoredTensor?
    /// The group of each input; without it they follow one another.
    private let groupIndex: StoredTensor?

    private var groups: Int { scale.shape[layout.order == .rows ? 1 : 0] }

    init(_ module: QuantizedModule, _ layout: IntegerLayout) throws {
        let names = layout.order.names
        self.layout = layout
        codes = try module.part(names.codes)
        scale = try module.part(names.scale)
        zero = layout.hasZeros ? try module.part(names.zero) : nil
        groupIndex = try layout.needsGroupIndex ? module.part(names.groupIndex) : module.optionalPart(names.groupIndex)
        try codes.expectMatrix(of: "I32")
        shape = try Self.shape(codes, layout, module)
        try check()
    }

    /// [outputs, inputs], of which the packed shape shows only whole words.
    private static func shape(_ codes: StoredTensor, _ layout: IntegerLayout, _ module: QuantizedModule) throws -> [Int]
    {
        switch layout.order {
        case .gptq: return [codes.shape[1], codes.shape[0] * layout.codesInWord]
        case .awq: return [codes.shape[1] * layout.codesInWord, codes.shape[0]]
        case .rows:
            let stated = try module.part("weight_shape")
            try stated.expect(types: ["I64", "I32"])
            try stated.expect(shape: [2])
            let shape = stated.integers()
            guard shape[0] == codes.shape[0], shape[1] > 0, layout.words(shape[1]) == codes.shape[1] else {
                throw stated.failure("it says \(shape), but the packed codes have shape \(codes.shape)")
            }
            return shape
        }
    }

    private func check() throws {
        let (outputs, inputs) = (shape[0], shape[1])
        let groups = layout.groupSize.map { (inputs - 1) / $0 + 1 } ?? 1
        try scale.expectScales()
        try scale.expect(shape: layout.order == .rows ? [outputs, groups] : [groups, outputs])
        if let zero {
            guard layout.order == .rows || outputs.isMultiple(of: layout.codesInWord) else {
                throw zero.failure("zeros of \(outputs) outputs are not whole words of \(layout.codesInWord)")
            }
            try zero.expect(types: ["I32"])
            let words = layout.words(outputs)
            try zero.expect(shape: layout.order == .rows ? [words, groups] : [groups, words])
        }
        if let groupIndex {
            try groupIndex.expect(types: ["I32"])
            try groupIndex.expect(shape: [inputs])
        }
    }

    // MARK: Reading

    func tileValues() throws -> TileValues {
        let (scales, zeros, groupOfInput) = (try scale.scales(), self.zeros(), try self.groupOfInput())
        let (outputs, groups) = (shape[0], groups)
        // Groups lie one below the other in GPTQ and AWQ, side by side in rows.
        let isRows = layout.order == .rows
        let (outputStep, groupStep) = isRows ? (groups, 1) : (1, outputs)
        let places = layout.places(ofCodesIn: codes, shape: shape)
        return { tile, target in
            places.unpack(tile, into: target)
            let runs = Self.runs(of: tile.columns, groupOfInput)
            // In act-order hardly any two inputs that follow one another are of one group.
            let areShort = runs.count * 4 > tile.columns.count
            for row in tile.rows {
                let line = target + (row - tile.rows.lowerBound) * MatrixTile.stride - tile.columns.lowerBound
                let first = row * outputStep
                if areShort {
                    for column in tile.columns {
                        let index = first &+ groupOfInput[column] &* groupStep
                        line[column] = (line[column] - zeros[index]) * scales[index]
                    }
                } else {
                    for run in runs {
                        let index = first + run.group * groupStep
                        let (zero, scale) = (zeros[index], scales[index])
                        for column in run.columns { line[column] = (line[column] - zero) * scale }
                    }
                }
            }
        }
    }

    /// Columns that follow one another and are of one group.
    private static func runs(of columns: Range<Int>, _ groupOfInput: [Int]) -> [(columns: Range<Int>, group: Int)] {
        var runs: [(columns: Range<Int>, group: Int)] = []
        for column in columns {
            let group = groupOfInput[column]
            if let last = runs.last, last.group == group {
                runs[runs.count - 1].columns = last.columns.lowerBound..<column + 1
            } else {
                runs.append((column..<column + 1, group))
            }
        }
        return runs
    }

    /// The zero of each scale, in the scales' order.
    private func zeros() -> [Float] {
        guard let zero else { return [Float](repeating: layout.middle, count: scale.entry.count) }
        let (outputs, groups) = (shape[0], groups)
        let places = layout.places(ofZerosIn: zero, outputs: outputs, groups: groups)
        let offset = layout.order == .gptq(storesOneLess: true) ? Float(1) : 0
        return layout.order == .rows
            ? (0..<outputs).flatMap { output in (0..<groups).map { Float(places.code(output, $0)) + offset } }
            : (0..<groups).flatMap { group in (0..<outputs).map { Float(places.code($0, group)) + offset } }
    }

    private func groupOfInput() throws -> [Int] {
        guard let groupIndex else {
            let size = layout.groupSize ?? shape[1]
            return (0..<shape[1]).map { $0 / size }
        }
        let indices = groupIndex.integers()
        if let wrong = indices.firstIndex(where: { !(0..<groups).contains($0) }) {
            throw groupIndex.failure("input \(wrong) is said to be of group \(indices[wrong]) of \(groups)")
        }
        return indices
    }
}
