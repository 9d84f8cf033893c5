/// A library of NVIDIA's that is opened at run time, if it is there.
public enum CUDALibrary: String, CaseIterable, Sendable {
    case driver = "libcuda"
    case nvrtc = "NVRTC"
    case cublasLt = "cuBLASLt"
    case cudnn = "cuDNN"

    /// The name that the loader knows. Never `libcuda.so`: the toolkit's stand-in for linking has that name.
    var soname: String {
        switch self {
        case .driver: "libcuda.so.1"
        case .nvrtc: "libnvrtc.so.13"
        case .cublasLt: "libcublasLt.so.13"
        case .cudnn: "libcudnn.so.9"
        }
    }

    /// Without the first two nothing runs; without the others docent's own kernels do the work.
    public var isNeeded: Bool { self == .driver || self == .nvrtc }

    public var purpose: String {
        switch self {
        case .driver: "the NVIDIA driver"
        case .nvrtc: "compiles docent's kernels for the device"
        case .cublasLt: "products of many rows; docent's own kernels without it"
        case .cudnn: "not used yet: docent's own kernels attend"
        }
    }
}
