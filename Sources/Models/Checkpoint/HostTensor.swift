import Compute

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Tensors in host memory, before a device has them.
extension Tensor {
    /// A copy of `values` as f32.
    static func host(_ values: some Collection<Float>, shape: [Int]) -> Tensor {
        let tensor = host(shape: shape, type: .f32)
        precondition(values.count == tensor.count, "\(values.count) values for \(shape)")
        _ = tensor.bytes.bindMemory(to: Float.self).initialize(fromContentsOf: values)
        return tensor
    }

    /// Uninitialised host memory.
    static func host(shape: [Int], type: DType) -> Tensor {
        let byteCount = type.byteCount(of: shape.reduce(1, *))
        let storage = byteCount >= Self.largeBytes ? Storage.mapped(byteCount: byteCount) : nil
        return Tensor(shape: shape, type: type, storage: storage ?? .host(byteCount: byteCount))
    }

    /// From here on memory comes from the system and goes back to it. Between the matrices of a model that is loaded lie
    /// those that were only needed to make others, and the holes that they leave in the heap stay resident.
    private static let largeBytes = 1 << 20

    /// The bytes of a host tensor.
    var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: address, count: byteCount) }

    /// The same values as f32: exact for f16 and bf16.
    func widened() -> Tensor {
        guard type != .f32 else { return self }
        let wide = Tensor.host(shape: shape, type: .f32)
        let target = wide.bytes.bindMemory(to: Float.self)
        for index in 0..<count {
            let bits = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
            switch type {
            case .bf16: target[index] = Float(bitPattern: UInt32(bits) << 16)
            case .f16: target[index] = Float(Float16(bitPattern: bits))
            case .f32, .i32, .u8, .q8, .q4: preconditionFailure("\(type) does not widen to f32")
            }
        }
        return wide
    }

    /// Each row, or element of a vector, times a factor of its own, in f32.
    func times(_ factors: [Float]) -> Tensor {
        precondition(factors.count == shape[0], "\(factors.count) factors for \(shape)")
        let wide = widened()
        let result = Tensor.host(shape: shape, type: .f32)
        withExtendedLifetime(wide) {
            let (source, target) = (wide.bytes.bindMemory(to: Float.self), result.bytes.bindMemory(to: Float.self))
            let length = count / max(shape[0], 1)
            for index in 0..<count { target[index] = source[index] * factors[index / length] }
        }
        return result
    }

    /// What `transform` makes of each value of an f32 tensor.
    func mapped(_ transform: (Float) -> Float) -> Tensor {
        withExtendedLifetime(self) { .host(bytes.bindMemory(to: Float.self).map(transform), shape: shape) }
    }

    /// Rows of an f32 matrix as columns.
    func transposed() -> Tensor {
        let result = Tensor.host(shape: [width, rows], type: .f32)
        withExtendedLifetime(self) {
            let (source, target) = (bytes.bindMemory(to: Float.self), result.bytes.bindMemory(to: Float.self))
            for row in 0..<rows {
                for column in 0..<width { target[column * rows + row] = source[row * width + column] }
            }
        }
        return result
    }

    /// `parts` one below the other along the first dimension; their other dimensions are equal.
    ///
    /// Parts of different types meet in f32.
    static func concatenating(_ parts: [Tensor]) -> Tensor {
        precondition(!parts.isEmpty && parts.allSatisfy { $0.shape.dropFirst() == parts[0].shape.dropFirst() })
        let parts = parts.allSatisfy { $0.type == parts[0].type } ? parts : parts.map { $0.widened() }
        let rows = parts.reduce(0) { $0 + $1.shape[0] }
        let whole = Tensor.host(shape: [rows] + parts[0].shape.dropFirst(), type: parts[0].type)
        var offset = 0
        for part in parts {
            UnsafeMutableRawBufferPointer(rebasing: whole.bytes[offset...]).copyMemory(from: .init(part.bytes))
            offset += part.byteCount
        }
        return whole
    }
}

extension Storage {
    /// Zeroed pages of their own; nil when the system has none.
    fileprivate static func mapped(byteCount: Int) -> Storage? {
        let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        guard let memory, memory != MAP_FAILED else { return nil }
        return Storage(address: memory, byteCount: byteCount) { munmap($0, $1) }
    }
}
