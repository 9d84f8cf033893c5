import CCUDA
import Compute

/// A GPU in use: its primary context, one stream in which everything happens in order, and the kernels.
///
/// The driver keeps a current context for each thread of the system, so every call here sets it first: whoever calls may be
/// on any thread, one at a time.
final class CUDADevice: Sendable {
    let description: DeviceDescription
    /// "cuda:0 (NVIDIA H100 80GB HBM3)".
    let name: String
    private let driver: CUDADriver
    private let handle: Int32
    /// Safe to share: constants, and what they stand for is the driver's to guard.
    nonisolated(unsafe) private let context: UnsafeMutableRawPointer
    nonisolated(unsafe) private let stream: UnsafeMutableRawPointer
    nonisolated(unsafe) private let module: UnsafeMutableRawPointer
    nonisolated(unsafe) private let kernels: [Kernel: UnsafeMutableRawPointer]

    /// `image`: the kernels compiled for this device.
    init(
        _ driver: CUDADriver, index: Int, image: (DeviceDescription) throws(CUDAError) -> [UInt8]
    ) throws(CUDAError) {
        let devices = try driver.devices()
        guard devices.indices.contains(index) else { throw .noSuchDevice(index, count: devices.count) }
        let description = devices[index]
        if let unsuitable = description.unsuitable { throw unsuitable }
        self.driver = driver
        self.description = description
        name = "cuda:\(index) (\(description.name))"
        handle = try driver.handle(of: index)
        let image = try image(description)
        let opened = try Self.open(driver, handle, image, sharedBytes: description.sharedBytes)
        (context, stream, module, kernels) = opened
    }

    private typealias Opened = (
        context: UnsafeMutableRawPointer, stream: UnsafeMutableRawPointer, module: UnsafeMutableRawPointer,
        kernels: [Kernel: UnsafeMutableRawPointer]
    )

    /// Gives back what it took when something fails on the way.
    private static func open(
        _ driver: CUDADriver, _ device: Int32, _ image: [UInt8], sharedBytes: Int
    ) throws(CUDAError) -> Opened {
        let functions = driver.functions
        let context = try made("cuDevicePrimaryCtxRetain", driver) { functions.cuDevicePrimaryCtxRetain(&$0, device) }
        var stream: UnsafeMutableRawPointer?
        do {
            try driver.check("cuCtxSetCurrent", functions.cuCtxSetCurrent(context))
            let made = try made("cuStreamCreateWithPriority", driver) {
                functions.cuStreamCreateWithPriority(&$0, UInt32(CCUDA_STREAM_NON_BLOCKING), 0)
            }
            stream = made
            let module = try self.made("cuModuleLoadData", driver) { module in
                image.withUnsafeBytes { bytes in
                    bytes.baseAddress.map { functions.cuModuleLoadData(&module, $0) } ?? Int32(1)
                }
            }
            return (context, made, module, try Self.kernels(of: module, driver, sharedBytes: sharedBytes))
        } catch {
            if let stream { _ = functions.cuStreamDestroy_v2(stream) }
            _ = functions.cuDevicePrimaryCtxRelease_v2(device)
            throw error
        }
    }

    /// All at once, so that no launch has to wait for one to be loaded.
    private static func kernels(
        of module: UnsafeMutableRawPointer, _ driver: CUDADriver, sharedBytes: Int
    ) throws(CUDAError) -> [Kernel: UnsafeMutableRawPointer] {
        let functions = driver.functions
        var kernels: [Kernel: UnsafeMutableRawPointer] = [:]
        for kernel in Kernel.allCases {
            let function = try made("cuModuleGetFunction of \(kernel.rawValue)", driver) {
                functions.cuModuleGetFunction(&$0, module, kernel.rawValue)
            }
            if kernel.hasDynamicShared {
                try driver.check(
                    "cuFuncSetAttribute",
                    functions.cuFuncSetAttribute(
                        function, Int32(CCUDA_MAX_DYNAMIC_SHARED_BYTES), Int32(sharedBytes)))
            }
            kernels[kernel] = function
        }
        return kernels
    }

    private static func made(
        _ call: String, _ driver: CUDADriver, _ make: (inout UnsafeMutableRawPointer?) -> Int32
    ) throws(CUDAError) -> UnsafeMutableRawPointer {
        var made: UnsafeMutableRawPointer?
        try driver.check(call, make(&made))
        guard let made else { throw .callFailed(call, reason: "it gave nothing") }
        return made
    }

    deinit {
        let functions = driver.functions
        _ = functions.cuCtxSetCurrent(context)
        _ = functions.cuStreamSynchronize(stream)
        _ = functions.cuModuleUnload(module)
        _ = functions.cuStreamDestroy_v2(stream)
        _ = functions.cuDevicePrimaryCtxRelease_v2(handle)
    }

    // MARK: Calls

    private func check(_ call: String, _ status: Int32) throws(ComputeError) {
        if status != 0 { throw .deviceLost(device: name, reason: "\(call): \(driver.words(for: status))") }
    }

    private func enter() throws(ComputeError) {
        try check("cuCtxSetCurrent", driver.functions.cuCtxSetCurrent(context))
    }

    /// Calls another library for this device; `body` gets the stream.
    func perform<Value>(_ body: (UnsafeMutableRawPointer) -> Value) throws(ComputeError) -> Value {
        try enter()
        return body(stream)
    }

    /// Waits for everything that was asked of the device.
    func synchronize() throws(ComputeError) {
        try enter()
        try check("cuStreamSynchronize", driver.functions.cuStreamSynchronize(stream))
    }

    /// Puts a kernel in the stream; its arguments are copied now. `grid` and `threads` count blocks, and threads of one.
    func launch<Arguments: BitwiseCopyable>(
        _ kernel: Kernel, grid: (Int, Int, Int), threads: Int, sharedBytes: Int = 0, _ arguments: Arguments
    ) throws(ComputeError) {
        guard grid.0 > 0, grid.1 > 0, grid.2 > 0 else { return }
        guard sharedBytes <= description.sharedBytes else {
            throw .unsupported(
                operation: kernel.rawValue,
                reason: "it needs \(sharedBytes) bytes of shared memory, and \(name) has \(description.sharedBytes)")
        }
        guard let function = kernels[kernel] else { preconditionFailure("\(kernel) was not loaded") }
        try enter()
        var arguments = arguments
        var count = MemoryLayout<Arguments>.size
        let status = withUnsafeMutableBytes(of: &arguments) { block in
            withUnsafeMutableBytes(of: &count) { count in
                var extra: [UnsafeMutableRawPointer?] = [
                    UnsafeMutableRawPointer(bitPattern: CCUDA_LAUNCH_BUFFER), block.baseAddress,
                    UnsafeMutableRawPointer(bitPattern: CCUDA_LAUNCH_BUFFER_SIZE), count.baseAddress, nil,
                ]
                return driver.functions.cuLaunchKernel(
                    function, UInt32(grid.0), UInt32(grid.1), UInt32(grid.2), UInt32(threads), 1, 1,
                    UInt32(sharedBytes), stream, nil, &extra)
            }
        }
        try check("cuLaunchKernel of \(kernel.rawValue)", status)
    }

    // MARK: Memory

    /// Nil when the device has no room.
    func allocate(byteCount: Int) throws(ComputeError) -> UInt64? {
        try enter()
        var address: UInt64 = 0
        let status = driver.functions.cuMemAlloc_v2(&address, byteCount)
        if Int(status) == CCUDA_OUT_OF_MEMORY { return nil }
        try check("cuMemAlloc", status)
        return address
    }

    /// Waits first: work that uses the memory may be under way. After the device was lost there is nothing to be done.
    func free(_ address: UInt64) {
        try? synchronize()
        _ = driver.functions.cuMemFree_v2(address)
    }

    /// Memory of the host that the device copies from and to by itself.
    func allocatePinned(byteCount: Int) throws(ComputeError) -> UnsafeMutableRawPointer {
        try enter()
        var address: UnsafeMutableRawPointer?
        let status = driver.functions.cuMemHostAlloc(&address, byteCount, UInt32(CCUDA_HOST_PORTABLE))
        guard status == 0, let address else {
            throw .outOfMemory(device: "pinned memory for \(name)", byteCount: byteCount)
        }
        return address
    }

    func freePinned(_ address: UnsafeMutableRawPointer) {
        try? synchronize()
        _ = driver.functions.cuMemFreeHost(address)
    }

    /// `from`: pinned, and untouched until the copy is done.
    func copy(from: UnsafeRawPointer, to: UInt64, byteCount: Int) throws(ComputeError) {
        try enter()
        try check("cuMemcpyHtoDAsync", driver.functions.cuMemcpyHtoDAsync_v2(to, from, byteCount, stream))
    }

    func copy(from: UInt64, to: UnsafeMutableRawPointer, byteCount: Int) throws(ComputeError) {
        try enter()
        try check("cuMemcpyDtoHAsync", driver.functions.cuMemcpyDtoHAsync_v2(to, from, byteCount, stream))
    }

    // MARK: Events

    func makeEvent() throws(ComputeError) -> UnsafeMutableRawPointer {
        try enter()
        var event: UnsafeMutableRawPointer?
        try check("cuEventCreate", driver.functions.cuEventCreate(&event, UInt32(CCUDA_EVENT_DISABLE_TIMING)))
        guard let event else { throw .deviceLost(device: name, reason: "cuEventCreate gave nothing") }
        return event
    }

    func destroy(event: UnsafeMutableRawPointer) {
        try? enter()
        _ = driver.functions.cuEventDestroy_v2(event)
    }

    func record(_ event: UnsafeMutableRawPointer) throws(ComputeError) {
        try enter()
        try check("cuEventRecord", driver.functions.cuEventRecord(event, stream))
    }

    func wait(for event: UnsafeMutableRawPointer) throws(ComputeError) {
        try enter()
        try check("cuEventSynchronize", driver.functions.cuEventSynchronize(event))
    }
}
