import Compute
import EmulatedCUDA
import Testing

@testable import ComputeCUDA

struct FreeRangesTests {
    @Test func `what is given back joins its neighbours, in any order`() {
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [1, 3, 0, 2]] {
            var free = FreeRanges(count: 400)
            let taken = (0..<4).compactMap { _ in free.take(100) }
            #expect(taken == [0, 100, 200, 300] && free.take(1) == nil && free.ranges.isEmpty)
            for index in order { free.give(back: taken[index]..<taken[index] + 100) }
            #expect(free.isWhole)
        }
    }

    @Test func `the smallest range that is large enough is taken`() {
        var free = FreeRanges(count: 1000)
        let starts = [300, 10, 100, 10, 500].compactMap { free.take($0) }
        free.give(back: starts[0]..<starts[0] + 300)
        free.give(back: starts[2]..<starts[2] + 100)
        #expect(free.take(90) == starts[2])
        #expect(free.take(301) == nil)
    }

    /// Against the plainest model: a set of bytes.
    @Test func `taken ranges never overlap, whatever comes and goes`() {
        var numbers = SystemRandomNumberGenerator()
        var free = FreeRanges(count: 512)
        var held: [Range<Int>] = []
        for _ in 0..<2000 {
            if Bool.random(using: &numbers), let range = held.randomElement(using: &numbers) {
                free.give(back: range)
                held.removeAll { $0 == range }
            } else {
                let count = Int.random(in: 1...40, using: &numbers)
                guard let start = free.take(count) else { continue }
                #expect(start + count <= 512 && !held.contains { $0.overlaps(start..<start + count) })
                held.append(start..<start + count)
            }
        }
        held.forEach { free.give(back: $0) }
        #expect(free.isWhole)
    }
}

@Suite(.aside)
struct DeviceMemoryTests {
    @Test func `numbers go to the device and come back through a buffer smaller than they are`() throws {
        try Emulation.withBackend(stagingBytes: 100) { backend in
            var numbers = CheckNumbers(backend: CPUBackend(threads: 1))
            for shape in [[1], [7, 3], [40, 40]] {
                let host = try numbers.tensor(shape)
                let expected = (0..<host.count).map { host.address.load(fromByteOffset: 4 * $0, as: Float.self) }
                #expect(try backend.download(backend.upload(host)) == expected)
            }
        }
    }

    /// While the first half's copies wait, the second is filled; only then is anybody waited for.
    @Test func `many small copies in flight do not disturb each other`() throws {
        try Emulation.withBackend(slabBytes: 1 << 20, stagingBytes: 256) { backend in
            let tensors = try (0..<200).map { index in try backend.upload([Int32](repeating: Int32(index), count: 5)) }
            for (index, tensor) in tensors.enumerated() {
                let floats = try backend.download(Tensor(shape: [5], type: .f32, storage: tensor.storage))
                #expect(floats.map(\.bitPattern) == Array(repeating: UInt32(index), count: 5))
            }
        }
    }

    @Test func `a full device says how much was wanted, and goes on when memory comes back`() throws {
        try Emulation.withBackend { backend in
            emulated_cuda_fail_allocation(1)
            let error = #expect(throws: ComputeError.self) { _ = try backend.makeTensor([1000], .f32) }
            guard case .outOfMemory("cuda:0 (Emulated GPU)", byteCount: 4096)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            let tensor = try backend.makeTensor([1000], .f32)
            #expect(tensor.count == 1000)
        }
    }

    @Test func `a slab of which nothing is used goes back before the device is called full`() throws {
        try Emulation.withBackend(slabBytes: 4096) { backend in
            _ = try backend.makeTensor([1000], .f32)
            emulated_cuda_fail_allocation(1)
            let tensor = try backend.makeTensor([2000], .f32)
            #expect(tensor.count == 2000)
        }
    }

    @Test func `tensors may outlive the backend`() throws {
        try Emulation.run { driver in
            var tensor: Tensor?
            do {
                let options = CUDABackend.Options(slabBytes: 4096, stagingBytes: 4096)
                let backend = try CUDABackend(driver, index: 0, options: options) { _ in Array("EMULATED".utf8) }
                tensor = try backend.makeTensor([10], .f32)
            }
            #expect(tensor?.count == 10)
            tensor = nil
        }
    }

    @Test func `a lost device is told with the call and the driver's words`() throws {
        try Emulation.withBackend { backend in
            let tensor = try backend.makeTensor([10], .f32)
            emulated_cuda_lose_device()
            let error = #expect(throws: ComputeError.self) { try backend.scale(tensor, by: 2) }
            #expect(
                error?.description
                    == "cuda:0 (Emulated GPU) stopped working: cuLaunchKernel of scale_values: "
                    + "CUDA_ERROR_EMULATED (700): an error of the emulation")
        }
    }

    @Test func `a device that cannot be opened leaves nothing behind`() throws {
        try Emulation.run { driver in
            #expect(throws: CUDAError.noSuchDevice(3, count: 1)) {
                _ = try CUDABackend(driver, index: 3) { _ in Array("EMULATED".utf8) }
            }
            #expect(throws: CUDAError.self) { _ = try CUDABackend(driver, index: 0) { _ in Array("not a cubin".utf8) } }
        }
    }

    @Test func `8-bit weights are refused by name`() throws {
        try Emulation.withBackend { backend in
            let weight = try backend.makeTensor([32, 32], .bf16)
            let error = #expect(throws: ComputeError.self) { _ = try backend.quantize(weight, to: .q8) }
            #expect(error?.description.hasPrefix("--quantize q8 is not possible") == true)
        }
    }
}
