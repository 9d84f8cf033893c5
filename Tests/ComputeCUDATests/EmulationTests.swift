import CCUDA
import Compute
import EmulatedCUDA
import Testing

@testable import ComputeCUDA

/// The emulation must notice what a device would pass over in silence, or it proves nothing.
@Suite(.aside)
struct EmulationTests {
    private func fault(of body: (CUDABackend) throws -> Void) throws -> String? {
        var fault: String?
        try Emulation.withBackend { backend in
            try body(backend)
            try backend.device.synchronize()
            fault = emulated_cuda_fault().map { String(cString: $0) }
            emulated_cuda_reset()
        }
        return fault
    }

    @Test func `a kernel that writes beside its memory is noticed when that is freed`() throws {
        let found = try fault { backend in
            let tensor = try backend.makeTensor([64], .f32)
            let beyond = scale_values_arguments(target: tensor.deviceAddress, count: 65, factor: 2)
            try backend.launch(.scaleValues, values: 65, beyond)
        }
        #expect(found == "a write beside an allocation: cuMemFree")
    }

    @Test func `arguments of another kernel are noticed`() throws {
        let found = try fault { backend in
            let other = round_values_arguments(input: 0, output: 0, count: 0)
            #expect(throws: ComputeError.self) {
                try backend.launch(.embedRows, values: 1, other)
            }
        }
        #expect(found == "arguments of a wrong size: embed_rows")
    }

    @Test func `a copy beyond an allocation is noticed`() throws {
        let found = try fault { backend in
            let (tensor, other) = (try backend.makeTensor([64], .f32), try backend.makeTensor([64], .f32))
            _ = try backend.download(
                Tensor(
                    shape: [65], type: .f32,
                    storage: Storage(address: tensor.address, byteCount: 260) { _, _ in _ = (tensor, other) }))
        }
        #expect(found == "a copy from what is no memory of the device")
    }

    @Test func `a copy from memory that is not pinned is noticed`() throws {
        let found = try fault { backend in
            let tensor = try backend.makeTensor([4], .f32)
            let pageable = Storage.host(byteCount: 16)
            pageable.address.initializeMemory(as: UInt8.self, repeating: 0, count: 16)
            try backend.device.copy(from: pageable.address, to: tensor.deviceAddress, byteCount: 16)
            try backend.device.synchronize()
        }
        #expect(found == "a copy that is no copy from pinned memory")
    }

    @Test func `memory that is freed twice is noticed`() throws {
        let found = try fault { backend in
            let tensor = try backend.makeTensor([4], .f32)
            backend.device.free(tensor.deviceAddress)
        }
        // The tensor gives it back once more when it goes.
        #expect(found == "memory freed that is not allocated: cuMemFree")
    }

    @Test func `shared memory that was not asked for is noticed`() throws {
        let found = try fault { backend in
            let qkv = try backend.upload(Tensor(shape: [1, 96], type: .f32, storage: .host(byteCount: 384)))
            let tiles = try backend.upload([0, 1, 0, 1])
            let output = try backend.makeTensor([1, 32], .f32)
            let arguments = attend_segments_arguments(
                rowsAddress: qkv.deviceAddress, tiles: tiles.deviceAddress, output: output.deviceAddress,
                firstQuery: 0, heads: 1, headSize: 32, scale: 1)
            let needed = 4 * (4 * 32 * 33 + 32 * 33)
            try backend.device.launch(
                .attendSegments, grid: (1, 1, 1), threads: 128, sharedBytes: needed - 128, arguments)
        }
        #expect(found == "a write beyond the shared memory that was asked for: attend_segments")
    }

    @Test func `nothing is done before somebody waits`() throws {
        try Emulation.withBackend { backend in
            let tensor = try backend.upload(Tensor(shape: [1], type: .f32, storage: one))
            try backend.scale(tensor, by: 3)
            // Read past the driver: the kernel is still in its stream.
            #expect(tensor.address.load(as: UInt32.self) == .max)
            let done = try backend.download(tensor)
            #expect(done == [3])
        }
    }

    private var one: Storage {
        let storage = Storage.host(byteCount: 4)
        storage.address.storeBytes(of: 1, as: Float.self)
        return storage
    }
}
