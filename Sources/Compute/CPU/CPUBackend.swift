import CKernels

/// The tensor operations on the processor, with its widest vector instructions and its own threads.
///
/// The reference for numerics: f32 throughout, except that quantised weights meet activations rounded to 8 bits.
public final class CPUBackend: Backend {
    public let name: String
    /// Constants of the C library, hence safe to share.
    nonisolated(unsafe) let kernels: docent_kernels
    let pool: ThreadPool
    let allocator = HostAllocator()

    /// `threads`: all processors of this process when nil. `DOCENT_CPU` overrides the instruction set.
    public convenience init(threads: Int? = nil) {
        self.init(threads: threads ?? Int(docent_processors()), instructions: .preferred)
    }

    init(threads: Int, instructions: InstructionSet) {
        kernels = instructions.kernels
        pool = ThreadPool(threads: max(threads, 1))
        let count = pool.threads == 1 ? "1 thread" : "\(pool.threads) threads"
        name = "cpu (\(String(cString: kernels.name)), \(count))"
    }

    // MARK: Memory

    public func makeTensor(_ shape: [Int], _ type: DType) throws -> Tensor {
        let byteCount = type.byteCount(of: shape.reduce(1, *))
        return Tensor(shape: shape, type: type, storage: try allocator.allocate(byteCount: byteCount))
    }

    public func upload(_ tensor: Tensor) throws -> Tensor { tensor }

    /// A weight whose inputs are not whole blocks of 32 is returned as it is.
    public func quantize(_ weight: Tensor, to type: DType) throws -> Tensor {
        precondition(type.isQuantized, "\(type) is not made of blocks")
        let inputs = weight.width
        let outputs = weight.rows
        guard inputs.isMultiple(of: type.blockLength) else { return weight }
        let panel = Int(docent_panel_outputs)
        let layout = type == .q4 ? docent_q4 : docent_q8
        let byteCount = Int(docent_quantized_bytes(layout, Int64(outputs), Int64(inputs)))
        let result = Tensor(shape: weight.shape, type: type, storage: try Self.lasting(byteCount: byteCount))
        let scratch = try makeTensor([pool.threads, panel * inputs], .f32)
        pool.run(parts: (outputs + panel - 1) / panel) { part, thread in
            let rows = part * panel..<min(outputs, (part + 1) * panel)
            let wide = scratch.floats + thread * panel * inputs
            widen(weight.rows(rows), into: wide)
            docent_quantize_panel(
                layout, wide, Int64(rows.lowerBound), Int64(outputs), Int64(inputs), result.address)
        }
        return result
    }

    public func download(_ tensor: Tensor) throws -> [Float] {
        precondition(tensor.type == .f32, "download of \(tensor.type)")
        return [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
            count = tensor.count
            guard count > 0, let base = buffer.baseAddress else { return }
            UnsafeMutableRawPointer(base).copyMemory(from: tensor.address, byteCount: tensor.byteCount)
        }
    }

    public func makeKVCache(_ shape: KVCacheShape) throws -> KVCache {
        let size = [shape.pages, shape.kvHeads, shape.pageSize, shape.headSize]
        let byteCount = DType.f32.byteCount(of: size.reduce(1, *))
        func layers() throws -> [Tensor] {
            try (0..<shape.layers).map { _ in
                Tensor(shape: size, type: .f32, storage: try Self.lasting(byteCount: byteCount))
            }
        }
        return KVCache(shape: shape, keys: try layers(), values: try layers())
    }

    /// Memory for what outlives passes by far: it goes back to the system with its tensor, not to the activations' pool.
    private static func lasting(byteCount: Int) throws(ComputeError) -> Storage {
        guard let memory = docent_allocate(Int64(max(byteCount, 64))) else {
            throw .outOfMemory(device: "cpu", byteCount: byteCount)
        }
        return Storage(address: memory, byteCount: byteCount) { address, _ in address.deallocate() }
    }

    // MARK: Small parts of operations

    /// `tensor` as f32 whose elements lie at whole addresses, itself where it is already: norm weights and biases of
    /// half-precision checkpoints are widened at each use.
    func widened(_ tensor: Tensor) throws -> Tensor {
        let alignment = MemoryLayout<Float>.alignment
        if tensor.type == .f32, UInt(bitPattern: tensor.address).isMultiple(of: UInt(alignment)) { return tensor }
        let wide = try makeTensor(tensor.shape, .f32)
        widen(tensor, into: wide.floats)
        return wide
    }

    func widen(_ tensor: Tensor, into floats: UnsafeMutablePointer<Float>) {
        kernels.widen(tensor.kernelType, tensor.address, Int64(tensor.count), floats)
    }
}

extension Tensor {
    /// The elements of an f32 tensor.
    var floats: UnsafeMutablePointer<Float> {
        precondition(type == .f32, "expected an f32 tensor, found \(type)")
        return address.assumingMemoryBound(to: Float.self)
    }

    /// The type as the kernels call it.
    var kernelType: docent_type {
        switch type {
        case .f32: docent_f32
        case .f16: docent_f16
        case .bf16: docent_bf16
        case .q8: docent_q8
        case .q4: docent_q4
        case .i32, .u8: preconditionFailure("\(type) is no weight type")
        }
    }
}
