import Compute

extension OperationVector {
    /// Rows looked up, moved, added and normalised, of widths that fill no block and that fill several.
    static let rows: [OperationVector] =
        [DType.f32, .f16, .bf16].map { type in
            OperationVector("embed \(type)") { backend, numbers in
                [try backend.embed([6, 0, 6, 3], table: numbers.tensor([7, 37], type))]
            }
        }
        + [1, 33, 576, 1027].flatMap { width in
            [
                OperationVector("rmsNorm \(width)") { backend, numbers in
                    let (input, weight) = (try numbers.tensor([3, width]), try numbers.tensor([width], .bf16))
                    return [try backend.rmsNorm(input, weight: weight, epsilon: 1e-5)]
                },
                OperationVector("layerNorm \(width)", tolerance: 1e-4) { backend, numbers in
                    let (input, weight) = (try numbers.tensor([3, width]), try numbers.tensor([width], .f16))
                    return [
                        try backend.layerNorm(input, weight: weight, bias: numbers.tensor([width]), epsilon: 1e-3)
                    ]
                },
            ]
        }
        + [
            OperationVector("rmsNormHeads") { backend, numbers in
                let input = try numbers.tensor([5, 4 * 48])
                try backend.rmsNormHeads(of: input, columns: 48..<3 * 48, weight: numbers.tensor([48]), epsilon: 1e-6)
                return [input]
            },
            OperationVector("rotateHeads") { backend, numbers in
                let input = try numbers.tensor([5, 3 * 72])
                try backend.rotateHeads(of: input, columns: 72..<3 * 72, by: numbers.angles(5, 36))
                return [input]
            },
            OperationVector("gather") { backend, numbers in
                [try backend.gather([4, 4, 0], of: numbers.tensor([5, 300]))]
            },
            OperationVector("scatter and scatterAdd") { backend, numbers in
                let target = try numbers.tensor([6, 41])
                try backend.scatter(numbers.tensor([2, 41]), into: target, at: [5, 1])
                try backend.scatterAdd(numbers.tensor([3, 41]), to: target, at: [0, 5, 2])
                return [target]
            },
            OperationVector("addRows") { backend, numbers in
                let target = try numbers.tensor([7, 40])
                try backend.addRows(of: numbers.tensor([3, 40], .bf16), to: target)
                try backend.addRows(of: numbers.tensor([1, 40]), to: target)
                return [target]
            },
            OperationVector("scale") { backend, numbers in
                let target = try numbers.tensor([3, 1000])
                try backend.scale(target, by: 3.5)
                return [target]
            },
        ]

    static let pictures: [OperationVector] = [
        OperationVector("patches") { backend, numbers in
            [try backend.patches(of: numbers.tensor([2, 3, 8, 12]), size: 4)]
        },
        OperationVector("pixelShuffle") { backend, numbers in
            [try backend.pixelShuffle(numbers.tensor([2 * 36, 5]), grid: 6, factor: 3)]
        },
    ]
}
