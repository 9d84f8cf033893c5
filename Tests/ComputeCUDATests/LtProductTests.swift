import CCUDA
import Compute
import EmulatedCUDA
import Testing

@testable import ComputeCUDA

/// Products that cuBLASLt does, here by an emulation of it that thinks in columns as the library does.
@Suite(.aside)
struct LtProductTests {
    private func withLibrary(_ body: (CUDABackend) throws -> Void) throws {
        try Emulation.run { driver in
            let library = try SymbolTable.cublasLt.resolve(path: "emulated") { emulated_cuda_symbol($0) }
            let options = CUDABackend.Options(slabBytes: 0, stagingBytes: 1 << 20, cacheType: .f32)
            try body(
                CUDABackend(driver, cublasLt: library, index: 0, options: options) { _ in Array("EMULATED".utf8) })
        }
    }

    @Test func `every product gives what the CPU gives`() throws {
        let reference = CPUBackend(threads: 1)
        try withLibrary { backend in
            for vector in OperationVector.products {
                let error = try vector.error(of: backend, against: reference)
                #expect(error < vector.tolerance, "\(vector)")
            }
            #expect(emulated_cuda_products() > 3)
        }
    }

    @Test func `few rows, other types and shapes without an algorithm are for our own kernels`() throws {
        try withLibrary { backend in
            var numbers = CheckNumbers(backend: backend)
            for (rows, inputs, type, expected) in [
                (16, 64, DType.bf16, 0), (17, 64, .f32, 0), (17, 61, .bf16, 0), (17, 64, .bf16, 1),
            ] {
                let before = emulated_cuda_products()
                let (input, weight) = (try numbers.tensor([rows, inputs]), try numbers.tensor([8, inputs], type))
                _ = try backend.linear(input, weight, bias: nil, activation: .none)
                #expect(emulated_cuda_products() - before == expected, "\(rows) × \(inputs) \(type)")
            }
        }
    }
}
