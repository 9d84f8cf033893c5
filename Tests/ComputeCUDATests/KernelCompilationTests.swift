import Testing

@testable import ComputeCUDA

/// Every kernel, through the compiler that compiles it on the device's machine; neither driver nor device is needed.
@Suite(
    .aside,
    .enabled(if: CUDAFiles.isThere(CUDAFiles.libraries.nvrtc), "not run: NVRTC is not here, see .ci/cuda-libraries"))
struct KernelCompilationTests {
    /// Ampere, Hopper with what only it has, Blackwell.
    @Test(arguments: ["sm_80", "sm_90a", "sm_100"])
    func `every kernel compiles, without stack and without spilling`(architecture: String) throws {
        let compiler = KernelCompiler(try CUDAFiles.libraries.nvrtc.get())
        let compiled = try compiler.compile(KernelSource.text, for: architecture)
        #expect(compiled.image.starts(with: [0x7F] + Array("ELF".utf8)))
        let kernels = KernelFigures.all(in: compiled.log)
        #expect(Set(kernels.map(\.name)) == Set(Kernel.allCases.map(\.rawValue)))
        for kernel in kernels {
            #expect(kernel.stackBytes == 0 && kernel.spilledBytes == 0, "\(kernel)")
            // 256 threads with more than 128 registers each would leave room for one block a multiprocessor.
            #expect(kernel.registers <= 128, "\(kernel)")
        }
    }

    @Test func `what does not compile is an error with the compiler's words`() throws {
        let compiler = KernelCompiler(try CUDAFiles.libraries.nvrtc.get())
        let error = #expect(throws: CUDAError.self) { _ = try compiler.compile("no kernel", for: "sm_80") }
        #expect(error?.description.contains("docent.cu(1): error") == true)
    }
}

/// What ptxas says of a kernel.
struct KernelFigures {
    var name: String
    var registers = 0
    var stackBytes = -1
    var spilledBytes = -1

    static func all(in log: String) -> [KernelFigures] {
        var all: [KernelFigures] = []
        for line in log.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.contains("Function properties for"), let name = words.last {
                all.append(KernelFigures(name: String(name)))
            } else if line.contains("bytes stack frame"), let last = all.indices.last {
                let numbers = words.compactMap { Int($0) }
                (all[last].stackBytes, all[last].spilledBytes) = (numbers[0], numbers[1] + numbers[2])
            } else if let used = words.firstIndex(of: "Used"), let last = all.indices.last {
                all[last].registers = Int(words[used + 1]) ?? .max
            }
        }
        return all
    }
}
