import CCUDA
import Foundation
import Testing

@testable import ComputeCUDA

struct LibrarySearchTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "docent-cuda-\(UUID())").path()

    private func place(_ path: String) throws -> String {
        let file = URL(filePath: folder + "/" + path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data().write(to: file)
        return file.path()
    }

    @Test func `the folders that a person names come first, then the loader's own, then those of wheels`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let wheel = try place("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13")
        let toolkit = try place("toolkit/lib64/libnvrtc.so.13")
        let search = LibrarySearch(environment: [
            "DOCENT_CUDA_PATH": "/mine:/yours", "VIRTUAL_ENV": folder + "/venv", "CUDA_HOME": folder + "/toolkit",
        ])
        let found = search.candidates(for: .nvrtc)
        #expect(found.starts(with: ["/mine/libnvrtc.so.13", "/yours/libnvrtc.so.13", "libnvrtc.so.13", toolkit]))
        #expect(found.contains(wheel))
    }

    @Test func `wheels are found beside the python3 on PATH`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try place("v/bin/python3")
        let wheel = try place("v/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9")
        let search = LibrarySearch(environment: ["PATH": "/nowhere:\(folder)/v/bin"])
        #expect(search.candidates(for: .cudnn).contains { URL(filePath: $0).standardized.path() == wheel })
        #expect(!search.candidates(for: .driver).contains { $0.contains("site-packages") })
    }

    /// The toolkit's stand-in for linking is called so, and answers every call with error 34.
    @Test func `libcuda is never asked for without its number`() {
        let search = LibrarySearch(environment: ["DOCENT_CUDA_PATH": "/mine"])
        #expect(search.candidates(for: .driver).allSatisfy { $0.hasSuffix("libcuda.so.1") })
    }
}

struct SymbolTableTests {
    @Test func `every name that is asked for is one that the libraries export`() throws {
        for (library, names) in [
            (CUDALibrary.driver, SymbolTable.driver.names), (.nvrtc, SymbolTable.nvrtc.names),
            (.cublasLt, SymbolTable.cublasLt.names), (.cudnn, SymbolTable.cudnn.names),
        ] {
            let exports = try CUDAFiles.exports(of: library)
            #expect(exports.count > 20)
            #expect(Set(names).subtracting(exports).isEmpty, "\(library)")
            #expect(Set(names).count == names.count, "\(library)")
        }
    }

    @Test func `a library that lacks a symbol is refused by the symbol's name`() {
        let address = UnsafeMutableRawPointer(bitPattern: 16)
        #expect(
            throws: CUDAError.symbolMissing("nvrtcGetCUBIN", library: "NVRTC", path: "/x/libnvrtc.so.13")
        ) {
            _ = try SymbolTable.nvrtc.resolve(path: "/x/libnvrtc.so.13") { $0 == "nvrtcGetCUBIN" ? nil : address }
        }
    }

    @Test func `each name gets its own pointer`() throws {
        let names = SymbolTable.cudnn.names
        let library = try SymbolTable.cudnn.resolve(path: "/x") { name in
            names.firstIndex(of: name).flatMap { UnsafeMutableRawPointer(bitPattern: 64 + $0) }
        }
        let pointers = withUnsafeBytes(of: library.functions) { Array($0.bindMemory(to: UInt.self)) }
        #expect(pointers == names.indices.map { 64 + UInt($0) })
    }

    @Test func `a library that is nowhere says how many places were tried`() throws {
        let error = #expect(throws: CUDAError.self) {
            _ = try SymbolTable.nvrtc.open(["/nowhere/libnvrtc.so.13"])
        }
        guard case .libraryMissing("libnvrtc.so.13", let reason, places: 1)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("/nowhere/libnvrtc.so.13"))
    }
}

/// What only the files themselves can prove. CI fetches NVRTC; the others are large, and wanted by name.
struct RealLibraryTests {
    @Test(
        .enabled(if: CUDAFiles.isThere(CUDAFiles.libraries.nvrtc), "not run: NVRTC is not here, see .ci/cuda-libraries")
    )
    func `NVRTC resolves, tells its version and knows the devices that docent is for`() throws {
        let nvrtc = try CUDAFiles.libraries.nvrtc.get()
        #expect(nvrtc.version?.hasPrefix("13.") == true)
        var count: Int32 = 0
        #expect(nvrtc.functions.nvrtcGetNumSupportedArchs(&count) == 0)
        var architectures = [Int32](repeating: 0, count: Int(count))
        #expect(nvrtc.functions.nvrtcGetSupportedArchs(&architectures) == 0)
        #expect(Set(architectures).isSuperset(of: [80, 90, 100]))
    }

    @Test(
        .enabled(
            if: CUDAFiles.isThere(CUDAFiles.libraries.cublasLt), "not run: cuBLASLt is not here, see .ci/cuda-libraries"
        )
    )
    func `cuBLASLt resolves, and takes the attributes that products set at the sizes they have`() throws {
        let library = try CUDAFiles.libraries.cublasLt.get()
        #expect(library.version.hasPrefix("13."))
        let functions = library.functions
        var description: UnsafeMutableRawPointer?
        #expect(functions.cublasLtMatmulDescCreate(&description, Int32(CCUDA_COMPUTE_32F), Int32(CCUDA_R_32F)) == 0)
        let made = try #require(description)
        defer { _ = functions.cublasLtMatmulDescDestroy(made) }
        for (attribute, bytes) in [
            (CCUDA_LT_TRANSA, 4), (CCUDA_LT_EPILOGUE, 4), (CCUDA_LT_BIAS_POINTER, 8), (CCUDA_LT_BIAS_TYPE, 4),
        ] {
            var valid = [UInt8](repeating: 0, count: 16)
            valid[0] = attribute == CCUDA_LT_EPILOGUE ? UInt8(CCUDA_EPILOGUE_BIAS) : 0
            #expect(functions.cublasLtMatmulDescSetAttribute(made, Int32(attribute), valid, bytes) == 0)
            #expect(functions.cublasLtMatmulDescSetAttribute(made, Int32(attribute), valid, bytes - 1) != 0)
        }
    }

    @Test(.enabled(if: CUDAFiles.isThere(CUDAFiles.cudnnFront), "not run: cuDNN is not here, see .ci/cuda-libraries"))
    func `cuDNN resolves, and is usable with all its parts only`() {
        switch CUDAFiles.libraries.cudnn {
        case .success(let cudnn): #expect(cudnn.version.hasPrefix("9."))
        // Called all the same, it would have ended this process.
        case .failure(let error): #expect(error.description.contains("libcudnn_graph.so.9 cannot be opened"))
        }
    }
}
