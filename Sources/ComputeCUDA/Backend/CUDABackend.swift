import CCUDA
public import Compute

/// The tensor operations on one NVIDIA GPU.
///
/// Activations are f32, as the protocol has them; a product with bf16 weights rounds its rows to bf16 first, whatever their number,
/// and adds up in f32. Keys and values are stored as bf16. Everything is put in one stream and waited for by `download` alone.
public final class CUDABackend: Backend {
    /// Sizes that tests make small.
    struct Options: Sendable {
        /// What is taken from the driver at once.
        var slabBytes = 256 << 20
        /// Of the pinned memory through which everything is copied.
        var stagingBytes = 64 << 20
        /// Of keys and values: bf16, or f32 to be held against the CPU.
        var cacheType = DType.bf16
    }

    public let name: String
    let device: CUDADevice
    let arena: DeviceArena
    let staging: StagingBuffer
    let tables = StepTableCache()
    /// Nil where cuBLASLt is not: docent's own kernels multiply then.
    let products: LtProducts?
    let cacheType: DType

    /// Opens `cuda:index`: finds the libraries, compiles the kernels, takes the first memory.
    ///
    /// - Throws: `CUDAError` where that is not possible, `ComputeError` when the device has no memory.
    public convenience init(index: Int, environment: [String: String]) throws {
        let libraries = CUDALibraries(LibrarySearch(environment: environment))
        let driver = try CUDADriver(libraries)
        let compiler = KernelCompiler(try libraries.nvrtc.get())
        try self.init(driver, cublasLt: try? libraries.cublasLt.get(), index: index) { device throws(CUDAError) in
            try compiler.compile(KernelSource.text, for: device.architecture).image
        }
    }

    /// `image`: the kernels for a device.
    init(
        _ driver: CUDADriver, cublasLt: OpenedLibrary<ccuda_cublaslt>? = nil, index: Int, options: Options = Options(),
        image: (DeviceDescription) throws(CUDAError) -> [UInt8]
    ) throws {
        cacheType = options.cacheType
        let device = try CUDADevice(driver, index: index, image: image)
        self.device = device
        name = device.name
        let arena = DeviceArena(device, slabBytes: options.slabBytes)
        self.arena = arena
        staging = try StagingBuffer(device, byteCount: options.stagingBytes)
        products = try cublasLt.map { try LtProducts($0, device, arena) }
    }

    // MARK: Memory

    public func makeTensor(_ shape: [Int], _ type: DType) throws -> Tensor {
        let byteCount = type.byteCount(of: shape.reduce(1, *))
        return Tensor(shape: shape, type: type, storage: try arena.allocate(byteCount: byteCount))
    }

    /// Vectors (norms and biases) become f32, so that kernels need not ask for their type.
    public func upload(_ tensor: Tensor) throws -> Tensor {
        let isVector = tensor.shape.count == 1 && (tensor.type == .bf16 || tensor.type == .f16)
        if isVector {
            let wide = try makeTensor(tensor.shape, .f32)
            try tensor.widenedValues.withUnsafeBytes { try staging.upload($0, to: wide.deviceAddress) }
            return wide
        }
        precondition(!tensor.type.isQuantized, "\(tensor.type) is the CPU's own form")
        let copy = try makeTensor(tensor.shape, tensor.type)
        try staging.upload(
            UnsafeRawBufferPointer(start: tensor.address, count: tensor.byteCount), to: copy.deviceAddress)
        return copy
    }

    public func quantize(_ weight: Tensor, to type: DType) throws -> Tensor {
        throw ComputeError.unsupported(
            operation: "--quantize \(type.rawValue)", reason: "\(name) computes with weights as they are stored")
    }

    public func download(_ tensor: Tensor) throws -> [Float] {
        precondition(tensor.type == .f32, "download of \(tensor.type)")
        return try [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: tensor.byteCount)
            try staging.download(tensor.deviceAddress, into: bytes)
            count = tensor.count
        }
    }

    public func makeKVCache(_ shape: KVCacheShape) throws -> KVCache {
        let size = [shape.pages, shape.kvHeads, shape.pageSize, shape.headSize]
        func layers() throws -> [Tensor] { try (0..<shape.layers).map { _ in try makeTensor(size, cacheType) } }
        return KVCache(shape: shape, keys: try layers(), values: try layers())
    }

    /// Numbers that kernels read.
    func upload(_ integers: [Int32]) throws -> Tensor {
        let tensor = try makeTensor([integers.count], .i32)
        try integers.withUnsafeBytes { try staging.upload($0, to: tensor.deviceAddress) }
        return tensor
    }

    // MARK: Launches

    /// One thread for each of `count` values, or fewer that take several in turn.
    func launch(_ kernel: Kernel, values count: Int, _ arguments: some BitwiseCopyable) throws {
        let blocks = min((count + 255) / 256, 16 * device.description.multiprocessors)
        try device.launch(kernel, grid: (blocks, 1, 1), threads: 256, arguments)
    }

    /// One block for each row; as many threads as have four values each.
    func launch(_ kernel: Kernel, rows: Int, width: Int, _ arguments: some BitwiseCopyable) throws {
        let threads = min(256, max(32, (width / 4 + 31) / 32 * 32))
        try device.launch(kernel, grid: (rows, 1, 1), threads: threads, arguments)
    }
}

extension Tensor {
    /// Where its first element lies in the device's memory.
    var deviceAddress: UInt64 { UInt64(UInt(bitPattern: address)) }

    /// The type as the kernels call it.
    var kernelType: Int32 {
        switch type {
        case .f32: Int32(KERNEL_F32)
        case .f16: Int32(KERNEL_F16)
        case .bf16: Int32(KERNEL_BF16)
        case .i32, .u8, .q8, .q4: preconditionFailure("no kernel reads \(type)")
        }
    }

    /// The elements of a tensor of half-precision numbers in host memory.
    fileprivate var widenedValues: [Float] {
        (0..<count).map { index in
            let bits = address.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
            return type == .f16 ? Float(Float16(bitPattern: bits)) : Float(bitPattern: UInt32(bits) << 16)
        }
    }
}
