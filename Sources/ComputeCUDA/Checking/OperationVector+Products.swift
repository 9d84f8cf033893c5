import Compute

extension OperationVector {
    /// Every type of weights and number of rows at which another kernel begins; inputs that are whole packets and that are not.
    static let products: [OperationVector] = plain + activated + computed + added

    private static let plain = [DType.f32, .f16, .bf16].flatMap { type in
        [(1, 64, 40), (1, 37, 9), (3, 64, 33), (16, 37, 17), (17, 50, 70), (130, 64, 65)].map { rows, inputs, outputs in
            OperationVector("linear \(type) \(rows) × \(inputs) → \(outputs)") { backend, numbers in
                let (input, weight) = (
                    try numbers.tensor([rows, inputs]), try numbers.tensor([outputs, inputs], type)
                )
                return [
                    try backend.linear(input, weight, bias: numbers.tensor([outputs]), activation: .none)
                ]
            }
        }
    }

    private static let activated: [OperationVector] = [
        ("geluTanh", Activation.geluTanh), ("gelu", .gelu), ("silu", .silu), ("quickGELU", .quickGELU),
    ].flatMap { name, activation in
        [2, 20].map { rows in
            OperationVector("linear with \(name), \(rows) rows", tolerance: 1e-4) { backend, numbers in
                let (input, weight) = (try numbers.tensor([rows, 48]), try numbers.tensor([24, 48]))
                return [try backend.linear(input, weight, bias: nil, activation: activation)]
            }
        }
    }

    /// Rows that a product reads are rounded to bf16 where its weights are.
    private static let computed: [OperationVector] = [DType.f32, .bf16].flatMap { type in
        [1, 18].flatMap { rows in
            [
                OperationVector("rmsNormalized \(type), \(rows) rows", tolerance: type == .f32 ? 2e-5 : 1e-2) {
                    backend, numbers in
                    let input = LinearInput.rmsNormalized(
                        try numbers.tensor([rows, 64]), weight: try numbers.tensor([64]), epsilon: 1e-5)
                    return [
                        try backend.linear(input, numbers.tensor([40, 64], type), bias: nil, activation: .none)
                    ]
                },
                OperationVector("gated \(type), \(rows) rows", tolerance: type == .f32 ? 2e-5 : 1e-2) {
                    backend, numbers in
                    let (silu, gelu) = (try numbers.tensor([rows, 128]), try numbers.tensor([rows, 128]))
                    let weight = try numbers.tensor([40, 64], type)
                    return try [LinearInput.siluGated(silu), .geluTanhGated(gelu)].map {
                        try backend.linear($0, weight, bias: nil, activation: .none)
                    }
                },
            ]
        }
    }

    private static let added: [OperationVector] = [1, 5, 40].map { rows in
        OperationVector("addLinear, \(rows) rows") { backend, numbers in
            let residual = try numbers.tensor([rows, 30])
            let (input, weight) = (try numbers.tensor([rows, 72]), try numbers.tensor([30, 72], .bf16))
            try backend.addLinear(input, weight, bias: numbers.tensor([30]), to: residual)
            return [residual]
        }
    }
}
