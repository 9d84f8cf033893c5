import CCUDA
import Compute
import EmulatedCUDA
import Synchronization
import Testing

@testable import ComputeCUDA

/// Docent's backend on a driver without a device: see EmulatedCUDA.h.
enum Emulation {
    /// There is one driver in a process.
    private static let turn = Mutex(())

    /// Runs `body` with a driver that has no faults, and expects none afterwards, and that nothing is left of what was taken.
    static func run(_ body: (CUDADriver) throws -> Void) throws {
        try turn.withLock { _ in
            emulated_cuda_reset()
            do {
                let functions = try SymbolTable.driver.resolve(path: "emulated") { emulated_cuda_symbol($0) }
                let missing = CUDAError.libraryMissing("none", reason: "the emulation has no other library", places: 0)
                try body(
                    CUDADriver(CUDALibraries(driver: functions, nvrtc: .failure(missing), cublasLt: .failure(missing))))
            }
            let fault = emulated_cuda_fault().map { String(cString: $0) }
            #expect(fault == nil)
            #expect(emulated_cuda_leaks() == 0)
        }
    }

    /// Every allocation by itself, between guards, unless `slabBytes` says otherwise; keys and values in f32.
    static func withBackend(
        slabBytes: Int = 0, stagingBytes: Int = 64 << 10, _ body: (CUDABackend) throws -> Void
    ) throws {
        try run { driver in
            let options = CUDABackend.Options(slabBytes: slabBytes, stagingBytes: stagingBytes, cacheType: .f32)
            try body(CUDABackend(driver, index: 0, options: options) { _ in Array("EMULATED".utf8) })
        }
    }

    static func launches(_ kernel: Kernel) -> Int { Int(emulated_cuda_launches(kernel.rawValue)) }
}
