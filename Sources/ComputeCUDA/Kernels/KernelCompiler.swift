import CCUDA

/// Kernels compiled for one kind of device.
struct CompiledKernels: Sendable {
    /// A cubin, as `cuModuleLoadData` takes it.
    let image: [UInt8]
    /// What the compiler said: for each kernel its registers, its stack and what it spilled.
    let log: String
}

/// Compiles the kernels' sources; needs NVRTC, but neither a driver nor a device.
struct KernelCompiler: Sendable {
    private let library: OpenedLibrary<ccuda_nvrtc>

    init(_ library: OpenedLibrary<ccuda_nvrtc>) { self.library = library }

    /// `architecture`: "sm_90a" and the like.
    func compile(_ source: String, for architecture: String) throws(CUDAError) -> CompiledKernels {
        let nvrtc = library.functions
        var program: UnsafeMutableRawPointer?
        try check("nvrtcCreateProgram", nvrtc.nvrtcCreateProgram(&program, source, "docent.cu", 0, nil, nil))
        guard let program else { throw .callFailed("nvrtcCreateProgram", reason: "it gave no program") }
        defer {
            var ended: UnsafeMutableRawPointer? = program
            _ = nvrtc.nvrtcDestroyProgram(&ended)
        }
        let status = Self.withPointers(
            to: ["--gpu-architecture=" + architecture, "--std=c++17", "--ptxas-options=-v"]
        ) { nvrtc.nvrtcCompileProgram(program, Int32($0.count), $0.baseAddress) }
        let log = try log(of: program)
        guard status == 0 else {
            throw .kernelsDoNotCompile(architecture: architecture, log: log.isEmpty ? words(for: status) : log)
        }
        var count = 0
        try check("nvrtcGetCUBINSize", nvrtc.nvrtcGetCUBINSize(program, &count))
        var image = [UInt8](repeating: 0, count: count)
        let read = image.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { nvrtc.nvrtcGetCUBIN(program, $0.assumingMemoryBound(to: CChar.self)) } ?? 0
        }
        try check("nvrtcGetCUBIN", read)
        return CompiledKernels(image: image, log: log)
    }

    private func log(of program: UnsafeMutableRawPointer) throws(CUDAError) -> String {
        var count = 0
        try check("nvrtcGetProgramLogSize", library.functions.nvrtcGetProgramLogSize(program, &count))
        var log = [CChar](repeating: 0, count: count + 1)
        try check("nvrtcGetProgramLog", library.functions.nvrtcGetProgramLog(program, &log))
        return String(decoding: log.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private func check(_ call: String, _ status: Int32) throws(CUDAError) {
        if status != 0 { throw .callFailed(call, reason: words(for: status)) }
    }

    private func words(for status: Int32) -> String {
        library.functions.nvrtcGetErrorString(status).map { String(cString: $0) } ?? "status \(status)"
    }

    /// C strings that live as long as `body` runs.
    private static func withPointers<Value>(
        to strings: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Value
    ) -> Value {
        let bytes = strings.flatMap { Array($0.utf8CString) }
        return bytes.withUnsafeBufferPointer { bytes in
            var offset = 0
            let pointers: [UnsafePointer<CChar>?] = strings.map { string in
                defer { offset += string.utf8.count + 1 }
                return bytes.baseAddress.map { $0 + offset }
            }
            return pointers.withUnsafeBufferPointer(body)
        }
    }
}
