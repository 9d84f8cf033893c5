/// Why there is no CUDA to compute on.
public enum CUDAError: Error, Equatable, CustomStringConvertible, Sendable {
    case libraryMissing(String, reason: String, places: Int)
    case symbolMissing(String, library: String, path: String)
    case unknownVersion(library: String, path: String)
    case wrongVersion(library: String, path: String, found: String, expected: String)
    case driverTooOld(found: String, needed: String)
    case noDevice
    case noSuchDevice(Int, count: Int)
    case deviceTooOld(name: String, capability: String)
    case callFailed(String, reason: String)
    case kernelsDoNotCompile(architecture: String, log: String)

    /// Whether this is a machine without a GPU, as most are.
    public var isMissingDriver: Bool {
        if case .libraryMissing(CUDALibrary.driver.soname, _, _) = self { true } else { false }
    }

    public var description: String {
        switch self {
        case .libraryMissing(let name, let reason, let places):
            "\(name) cannot be opened (\(reason)); places tried: \(places), and DOCENT_CUDA_PATH may name folders"
        case .symbolMissing(let symbol, let library, let path):
            "\(library) at \(path) has no \(symbol): it is of a version that docent does not know"
        case .unknownVersion(let library, let path): "\(library) at \(path) does not say which version it is"
        case .wrongVersion(let library, let path, let found, let expected):
            "\(library) at \(path) is version \(found), expected \(expected)"
        case .driverTooOld(let found, let needed):
            "the NVIDIA driver is for CUDA \(found), and the libraries need \(needed): install a newer driver (R580 or later)"
        case .noDevice: "the NVIDIA driver finds no device"
        case .noSuchDevice(let index, let count):
            "there is no cuda:\(index): the devices are "
                + (count == 1 ? "cuda:0 alone" : "cuda:0 to cuda:\(count - 1)")
        case .deviceTooOld(let name, let capability):
            "\(name) has compute capability \(capability), and docent's kernels need 8.0 (Ampere) or later"
        case .callFailed(let call, let reason): "\(call) failed: \(reason)"
        case .kernelsDoNotCompile(let architecture, let log):
            "the kernels do not compile for \(architecture): \(log)"
        }
    }
}
