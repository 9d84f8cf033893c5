import CCUDA

/// The driver, started: its answers are checked and in our own words.
final class CUDADriver: Sendable {
    private let library: OpenedLibrary<ccuda_driver>
    /// "13.0": the newest CUDA that the driver serves.
    let version: String

    var functions: ccuda_driver { library.functions }

    /// Starts the driver and checks that it serves the libraries that were found.
    init(_ libraries: CUDALibraries) throws(CUDAError) {
        library = try libraries.driver.get()
        let functions = library.functions
        let started = functions.cuInit(0)
        if Int(started) == CCUDA_NO_DEVICE { throw .noDevice }
        if Int(started) == CCUDA_STUB_LIBRARY {
            throw .callFailed("cuInit", reason: "\(library.path) is the toolkit's stand-in, not a driver")
        }
        try Self.check("cuInit", started, functions)
        var number: Int32 = 0
        try Self.check("cuDriverGetVersion", functions.cuDriverGetVersion(&number), functions)
        version = "\(number / 1000).\(number % 1000 / 10)"
        guard number / 1000 >= 13 else { throw .driverTooOld(found: version, needed: "13.0") }
    }

    /// All devices, suitable or not.
    func devices() throws(CUDAError) -> [DeviceDescription] {
        var count: Int32 = 0
        try check("cuDeviceGetCount", functions.cuDeviceGetCount(&count))
        guard count > 0 else { throw .noDevice }
        var devices: [DeviceDescription] = []
        for index in 0..<Int(count) { devices.append(try device(index)) }
        return devices
    }

    /// The number by which the driver knows the device.
    func handle(of index: Int) throws(CUDAError) -> Int32 {
        var device: Int32 = 0
        try check("cuDeviceGet", functions.cuDeviceGet(&device, Int32(index)))
        return device
    }

    private func device(_ index: Int) throws(CUDAError) -> DeviceDescription {
        let device = try handle(of: index)
        var name = [CChar](repeating: 0, count: 256)
        try check("cuDeviceGetName", functions.cuDeviceGetName(&name, Int32(name.count - 1), device))
        var uuid = ccuda_uuid()
        try check("cuDeviceGetUuid", functions.cuDeviceGetUuid_v2(&uuid, device))
        var bytes = 0
        try check("cuDeviceTotalMem", functions.cuDeviceTotalMem_v2(&bytes, device))
        return DeviceDescription(
            index: index,
            name: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
            uuid: withUnsafeBytes(of: uuid) { Self.text(ofUUID: Array($0)) },
            major: try attribute(CCUDA_COMPUTE_MAJOR, of: device),
            minor: try attribute(CCUDA_COMPUTE_MINOR, of: device),
            memoryBytes: bytes, multiprocessors: try attribute(CCUDA_MULTIPROCESSOR_COUNT, of: device),
            sharedBytes: try attribute(CCUDA_SHARED_BYTES_PER_BLOCK, of: device))
    }

    private func attribute(_ attribute: Int, of device: Int32) throws(CUDAError) -> Int {
        var value: Int32 = 0
        try check("cuDeviceGetAttribute", functions.cuDeviceGetAttribute(&value, Int32(attribute), device))
        return Int(value)
    }

    /// As `nvidia-smi -L` writes it.
    private static func text(ofUUID bytes: [UInt8]) -> String {
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "GPU-" + [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }

    func check(_ call: String, _ status: Int32) throws(CUDAError) { try Self.check(call, status, functions) }

    /// The driver's own words for a status: "CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access …".
    func words(for status: Int32) -> String { Self.words(for: status, functions) }

    private static func check(_ call: String, _ status: Int32, _ functions: ccuda_driver) throws(CUDAError) {
        if status != 0 { throw .callFailed(call, reason: words(for: status, functions)) }
    }

    private static func words(for status: Int32, _ functions: ccuda_driver) -> String {
        var name: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        _ = functions.cuGetErrorName(status, &name)
        _ = functions.cuGetErrorString(status, &text)
        let words = text.map { ": " + String(cString: $0) } ?? ""
        return "\(name.map { String(cString: $0) } ?? "an unknown error") (\(status))\(words)"
    }
}
