import Compute
import EmulatedCUDA
import Testing

@testable import ComputeCUDA

/// The kernels themselves, run by an emulation of the device, against the CPU backend.
@Suite(.aside)
struct OperationTests {
    @Test(arguments: OperationVector.all)
    func `an operation gives what the CPU gives`(_ vector: OperationVector) throws {
        let reference = CPUBackend(threads: 1)
        try Emulation.withBackend { backend in
            let error = try vector.error(of: backend, against: reference)
            #expect(error < vector.tolerance)
        }
    }

    /// Memory that is taken again while work on it waits must not matter.
    @Test func `operations one after another in one slab give what they give alone`() throws {
        let reference = CPUBackend(threads: 1)
        try Emulation.withBackend(slabBytes: 8 << 20, stagingBytes: 4096) { backend in
            for vector in OperationVector.all {
                let error = try vector.error(of: backend, against: reference)
                #expect(error < vector.tolerance, "\(vector)")
            }
        }
    }

    /// The check that decides whether a device is trusted.
    @Test func `a result that is wrong, no number, or of another size is an error`() throws {
        let reference = CPUBackend(threads: 1)
        func error(_ change: @escaping @Sendable (any Backend) -> [Float]) throws -> Float {
            var error: Float = -1
            try Emulation.withBackend { backend in
                error = try OperationVector("made up") { backend, _ in
                    try change(backend).withUnsafeBytes { bytes in
                        let host = Tensor(
                            shape: [1, bytes.count / 4], type: .f32, storage: .host(byteCount: bytes.count))
                        host.address.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
                        return [try backend.upload(host)]
                    }
                }.error(of: backend, against: reference)
            }
            return error
        }
        #expect(try error { _ in [1, 2] } == 0)
        #expect(try error { $0 is CUDABackend ? [1, 2.5] : [1, 2] } == 0.25)
        #expect(try error { $0 is CUDABackend ? [.nan, 2] : [1, 2] } == .infinity)
        #expect(try error { $0 is CUDABackend ? [1] : [1, 2] } == .infinity)
    }

    @Test func `every kernel has a vector that launches it`() throws {
        try Emulation.withBackend(slabBytes: 8 << 20) { backend in
            for vector in OperationVector.all { _ = try vector.values(on: backend) }
            for kernel in Kernel.allCases { #expect(Emulation.launches(kernel) > 0, "\(kernel)") }
        }
    }

    /// Keys and values lose what bf16 cannot hold, and no more.
    @Test func `a cache of bf16 differs by its rounding`() throws {
        let reference = CPUBackend(threads: 1)
        try Emulation.run { driver in
            let options = CUDABackend.Options(slabBytes: 8 << 20, stagingBytes: 1 << 20)
            let backend = try CUDABackend(driver, index: 0, options: options) { _ in Array("EMULATED".utf8) }
            for vector in OperationVector.attentions {
                let error = try vector.error(of: backend, against: reference)
                #expect(error < vector.tolerance(on: backend), "\(vector)")
                #expect((error > 1e-4) == vector.fillsCache, "\(vector)")
            }
        }
    }

    /// The engine's promise: an answer does not depend on its company, as far as one kernel serves both.
    @Test func `a row's bits do not depend on the rows beside it`() throws {
        try Emulation.withBackend { backend in
            var numbers = CheckNumbers(backend: backend)
            let (rows, weight) = (try numbers.tensor([9, 64]), try numbers.tensor([20, 64], .bf16))
            let all = try backend.download(backend.linear(rows, weight, bias: nil, activation: .none))
            for count in 2...9 {
                let some = try backend.linear(rows.rows(0..<count), weight, bias: nil, activation: .none)
                #expect(try backend.download(some) == Array(all.prefix(count * 20)))
            }
            let qkv = try numbers.tensor([70, 3 * 32])
            let whole = try backend.download(backend.attention(qkv, heads: 2, segments: [70]))
            let part = try backend.download(backend.attention(qkv, heads: 2, segments: [70], queries: 13..<50))
            #expect(part == Array(whole[13 * 32..<50 * 32]))
        }
    }
}
