import Compute
import Synchronization

/// The tensors of one part of a model, looked up by the name below a prefix, checked for shape and put on the device.
///
/// A model is made twice from the same code: first from auditing weights, which only compare names, shapes and types
/// and gather everything that is wrong, then from loading ones. Nothing is allocated for a checkpoint that cannot work,
/// and `docent models inspect` sees exactly what loading would.
struct Weights: Sendable {
    private let source: any TensorSource
    private let destination: Destination
    private let record: Record
    private let prefix: String

    private enum Destination {
        case audit
        case device(any Backend, LoadOptions.Quantization)
    }

    private init(_ source: any TensorSource, _ destination: Destination, _ record: Record, prefix: String) {
        self.source = source
        self.destination = destination
        self.record = record
        self.prefix = prefix
    }

    /// Weights that give empty tensors and keep the problems for `problems`.
    static func auditing(_ source: any TensorSource) -> Weights {
        Weights(source, .audit, Record(), prefix: "")
    }

    static func loading(
        _ source: any TensorSource, to backend: any Backend, quantization: LoadOptions.Quantization
    ) -> Weights {
        Weights(source, .device(backend, quantization), Record(), prefix: "")
    }

    /// The tensors whose names go on after `name` and a dot.
    func scoped(_ name: String) -> Weights {
        Weights(source, destination, record, prefix: prefix + name + ".")
    }

    /// The same, but quantised to 8 bits at least.
    var withEightBits: Weights {
        guard case .device(let backend, let quantization) = destination else { return self }
        return Weights(source, .device(backend, quantization.withEightBits), record, prefix: prefix)
    }

    func contains(_ name: String) -> Bool { source.contains(prefix + name) }

    /// The first `rows` rows of a table, in the type it is stored in: never quantised.
    ///
    /// Vocabularies are often padded to a round number of rows that no token uses.
    func table(_ name: String, rows: Int, width: Int) throws -> Tensor {
        try take([name], shapes: [[storedRows(name, atLeast: rows, width: width), width]]) { tensor, backend, _ in
            try backend.upload(tensor.rows(0..<rows))
        }
    }

    /// The first `outputs` rows of a matrix that may be padded as tables are; quantised as `matrix` is, to 8 bits at least.
    func head(_ name: String, outputs: Int, inputs: Int) throws -> Tensor {
        try take([name], shapes: [[storedRows(name, atLeast: outputs, width: inputs), inputs]]) {
            tensor, backend, quantization in
            try Self.place(tensor.rows(0..<outputs), backend, quantization.withEightBits)
        }
    }

    /// The head of a model whose embedding table, [outputs, inputs], is its head too.
    func head(tiedTo table: Tensor) throws -> Tensor {
        guard case .device(let backend, let quantization) = destination else { return table }
        let head = try Self.quantized(table, backend, quantization.withEightBits)
        if head.storage !== table.storage { record.notePlaced(head) }
        return head
    }

    /// Values that are added or multiplied row by row (norms, biases, positions), side by side as f32: small, and read
    /// with every activation.
    func vectors(_ names: [String], shapes: [[Int]], times factors: [Float]? = nil) throws -> Tensor {
        try take(names, shapes: shapes) { tensor, backend, _ in
            try backend.upload(factors.map(tensor.times) ?? tensor.widened())
        }
    }

    /// What `derive` makes of a tensor as f32, for values that depend on how a model is used: a position table resampled to
    /// the grid of a frame.
    func derived(_ name: String, shape: [Int], _ derive: (Tensor) -> Tensor) throws -> Tensor {
        try take([name], shapes: [shape]) { tensor, backend, _ in try backend.upload(derive(tensor.widened())) }
    }

    /// The few values of a tensor that the host computes with, in order; none in an audit.
    func values(_ name: String, shape: [Int]) throws -> [Float] {
        var values: [Float] = []
        _ = try take([name], shapes: [shape]) { tensor, _, _ in
            let wide = tensor.widened()
            values = withExtendedLifetime(wide) { Array(wide.bytes.bindMemory(to: Float.self)) }
            return .host(shape: [0], type: .f32)
        }
        return values
    }

    /// The shape of a tensor whose size only the checkpoint knows; nil when there is no such tensor or any size will do.
    func storedShape(of name: String) -> [Int]? { source.shape(of: prefix + name) }

    /// The matrices `names`, [outputs[i], inputs] each, one below the other for one fused product.
    ///
    /// Quantised when the options ask for it and `inputs` is whole blocks. `factors`: of each row, which make the matrix f32.
    func matrix(_ names: [String], outputs: [Int], inputs: Int, times factors: [Float]? = nil) throws -> Tensor {
        if inputs.isMultiple(of: DType.q8.blockLength) { record.noteQuantisableMatrix() }
        return try take(names, shapes: outputs.map { [$0, inputs] }) { tensor, backend, quantization in
            try Self.place(factors.map(tensor.times) ?? tensor, backend, quantization)
        }
    }

    /// A convolution's kernel [outputs, …] as the matrix of its products, [outputs, everything else]; never quantised.
    func kernel(_ name: String, shape: [Int]) throws -> Tensor {
        try take([name], shapes: [shape]) { tensor, backend, _ in
            try backend.upload(tensor.reshaped([shape[0], tensor.count / shape[0]]))
        }
    }

    /// Leaves what lies under `name` where it is: a part of a published model that nothing here runs.
    func skip(_ name: String) {
        guard case .audit = destination else { return }
        let part = prefix + name + "."
        record.skip(source.names.filter { $0.hasPrefix(part) })
    }

    /// What an audit found, once every layer has asked: absent tensors, wrong ones, and those no layer asked for.
    var problems: [ModelError] {
        let found = record.found
        let leftover = source.names.subtracting(found.taken)
        var problems = found.wrong
        if !found.missing.isEmpty {
            problems.insert(.missingTensors(names: found.missing, folder: source.folder), at: 0)
        }
        if !leftover.isEmpty { problems.append(.leftoverTensors(names: leftover.sorted(), folder: source.folder)) }
        return problems
    }

    /// Elements of all tensors that an audit was asked for.
    var parameterCount: Int { record.found.elements }

    /// Bytes of the tensors that were loaded, in the types that they were given.
    var byteCount: Int { record.found.placedBytes }

    /// Whether an audit was asked for a matrix that quantising makes smaller.
    var hasQuantisableMatrices: Bool { record.found.quantisable }

    /// The rows that a padded table has; `rows` where the stored shape is no table of this width.
    private func storedRows(_ name: String, atLeast rows: Int, width: Int) -> Int {
        guard let shape = source.shape(of: prefix + name), shape.count == 2, shape[1] == width else { return rows }
        return max(rows, shape[0])
    }

    private static func place(
        _ matrix: Tensor, _ backend: any Backend, _ quantization: LoadOptions.Quantization
    ) throws -> Tensor { try quantized(backend.upload(matrix), backend, quantization) }

    private static func quantized(
        _ matrix: Tensor, _ backend: any Backend, _ quantization: LoadOptions.Quantization
    ) throws -> Tensor {
        guard let type = quantization.matrixType, matrix.width.isMultiple(of: type.blockLength) else { return matrix }
        return try backend.quantize(matrix, to: type)
    }

    private func take(
        _ names: [String], shapes: [[Int]],
        place: (Tensor, any Backend, LoadOptions.Quantization) throws -> Tensor
    ) throws -> Tensor {
        let names = names.map { prefix + $0 }
        guard case .device(let backend, let quantization) = destination else {
            zip(names, shapes).forEach { record.audit($0, shape: $1, in: source) }
            return .host(shape: [0], type: .f32)
        }
        let parts = try zip(names, shapes).map { try source.tensor($0, shape: $1) }
        let placed = try place(parts.count == 1 ? parts[0] : .concatenating(parts), backend, quantization)
        // Pages of the mapping that were only copied from go back to the system.
        if !parts.contains(where: { $0.storage === placed.storage }) { names.forEach(source.discard) }
        record.notePlaced(placed)
        return placed
    }

    /// What all scopes of one audit have seen.
    private final class Record: Sendable {
        struct Found {
            var taken: Set<String> = []
            var missing: [String] = []
            var wrong: [ModelError] = []
            var elements = 0
            var quantisable = false
            var placedBytes = 0
        }

        private let state = Mutex(Found())

        var found: Found { state.withLock { $0 } }

        func notePlaced(_ tensor: Tensor) { state.withLock { $0.placedBytes += tensor.byteCount } }

        func skip(_ names: Set<String>) { state.withLock { $0.taken.formUnion(names) } }

        func noteQuantisableMatrix() { state.withLock { $0.quantisable = true } }

        func audit(_ name: String, shape: [Int], in source: any TensorSource) {
            state.withLock { found in
                guard source.contains(name) else {
                    found.missing.append(name)
                    return
                }
                if found.taken.insert(name).inserted { found.elements += shape.reduce(1, *) }
                do {
                    try source.check(name, shape: shape)
                } catch let problem as ModelError {
                    found.wrong.append(problem)
                } catch {
                    preconditionFailure("a tensor source throws ModelError only, not \(error)")
                }
            }
        }
    }
}
