import CCUDA

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// NVIDIA's libraries as far as they are here; each is opened by itself, and what is missing has a reason.
struct CUDALibraries: Sendable {
    let driver: Result<OpenedLibrary<ccuda_driver>, CUDAError>
    let nvrtc: Result<OpenedLibrary<ccuda_nvrtc>, CUDAError>
    let cublasLt: Result<OpenedLibrary<ccuda_cublaslt>, CUDAError>
    let cudnn: Result<OpenedLibrary<ccuda_cudnn>, CUDAError>

    init(_ search: LibrarySearch) {
        driver = Result { () throws(CUDAError) in try SymbolTable.driver.open(search.candidates(for: .driver)) }
        nvrtc = Result { () throws(CUDAError) in
            let library = try SymbolTable.nvrtc.open(search.candidates(for: .nvrtc))
            Self.preloadBuiltins(of: library.path)
            return library
        }
        cublasLt = Result { () throws(CUDAError) in try SymbolTable.cublasLt.open(search.candidates(for: .cublasLt)) }
        cudnn = Result { () throws(CUDAError) in
            let library = try SymbolTable.cudnn.open(search.candidates(for: .cudnn))
            try Self.checkParts(of: library.path)
            // The builds for CUDA 12 and 13 have one name.
            let runtime = library.functions.cudnnGetCudartVersion()
            guard runtime / 1000 == 13 else {
                throw .wrongVersion(
                    library: "cuDNN", path: library.path, found: "for CUDA \(runtime / 1000)",
                    expected: "one for CUDA 13")
            }
            return library
        }
    }

    init(
        driver: OpenedLibrary<ccuda_driver>, nvrtc: Result<OpenedLibrary<ccuda_nvrtc>, CUDAError>,
        cublasLt: Result<OpenedLibrary<ccuda_cublaslt>, CUDAError>
    ) {
        self.driver = .success(driver)
        self.nvrtc = nvrtc
        self.cublasLt = cublasLt
        cudnn = .failure(.libraryMissing("libcudnn.so.9", reason: "not asked for", places: 0))
    }

    /// cuDNN's front opens the rest of it by itself, and ends the process when that is not there.
    private static func checkParts(of cudnn: String) throws(CUDAError) {
        let folder = cudnn.lastIndex(of: "/").map { String(cudnn[...$0]) } ?? ""
        for part in ["libcudnn_graph.so.9", "libcudnn_ops.so.9"] {
            guard dlopen(folder + part, RTLD_NOW | RTLD_GLOBAL) == nil else { continue }
            let reason = dlerror().map { String(cString: $0) } ?? "no reason was given"
            throw .libraryMissing(part, reason: reason, places: 1)
        }
    }

    /// NVRTC opens its builtins by their bare name at the first compilation, which finds them in no wheel; opened before
    /// from where they lie, they are found.
    private static func preloadBuiltins(of nvrtc: String) {
        guard let slash = nvrtc.lastIndex(of: "/") else { return }
        for file in LibrarySearch.entries(of: String(nvrtc[..<slash]), "libnvrtc-builtins.so.") {
            _ = dlopen(file, RTLD_NOW | RTLD_GLOBAL)
        }
    }
}

extension OpenedLibrary where Table == ccuda_nvrtc {
    var version: String? {
        var (major, minor): (Int32, Int32) = (0, 0)
        return functions.nvrtcVersion(&major, &minor) == 0 ? "\(major).\(minor)" : nil
    }
}

extension OpenedLibrary where Table == ccuda_cublaslt {
    /// 130100 and the like: major × 10000 + minor × 100 + patch.
    var version: String {
        let number = functions.cublasLtGetVersion()
        return "\(number / 10_000).\(number / 100 % 100).\(number % 100)"
    }
}

extension OpenedLibrary where Table == ccuda_cudnn {
    /// 91900 and the like: major × 10000 + minor × 100 + patch.
    var version: String {
        let number = functions.cudnnGetVersion()
        return "\(number / 10_000).\(number / 100 % 100).\(number % 100)"
    }
}
