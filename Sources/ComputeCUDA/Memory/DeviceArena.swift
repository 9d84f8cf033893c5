import Compute
import Synchronization

/// The device's memory, taken from the driver in slabs and handed out in parts: an allocation of a step costs no call.
///
/// A part that is given back may be taken again at once, although work that reads it may still be under way: whatever writes to it
/// comes later in the same stream.
final class DeviceArena: Sendable {
    /// What every part begins at: loads of 16 bytes and whole lines of memory want it.
    private static let alignment = 256

    private struct Slab {
        let address: UInt64
        var free: FreeRanges
    }

    private let device: CUDADevice
    private let slabBytes: Int
    private let slabs = Mutex<[Slab]>([])

    /// What is larger than `slabBytes` is taken from the driver by itself, and given back to it.
    init(_ device: CUDADevice, slabBytes: Int) {
        self.device = device
        self.slabBytes = slabBytes
    }

    deinit {
        for slab in slabs.withLock({ $0 }) { device.free(slab.address) }
    }

    /// Uninitialised memory of the device; it is given back with the storage, on whatever thread that happens.
    func allocate(byteCount: Int) throws(ComputeError) -> Storage {
        let wanted = (max(byteCount, 1) + Self.alignment - 1) / Self.alignment * Self.alignment
        if wanted > slabBytes {
            let address = try take(wanted)
            return storage(address, byteCount) { [device] in device.free(address) }
        }
        let address = try takePart(wanted)
        return storage(address, byteCount) { [self] in giveBack(address, wanted) }
    }

    private func storage(_ address: UInt64, _ byteCount: Int, release: @escaping @Sendable () -> Void) -> Storage {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
            preconditionFailure("the driver gave address 0")
        }
        return Storage(address: pointer, byteCount: byteCount) { _, _ in release() }
    }

    private func takePart(_ wanted: Int) throws(ComputeError) -> UInt64 {
        let found = slabs.withLock { slabs -> UInt64? in
            for index in slabs.indices {
                if let start = slabs[index].free.take(wanted) { return slabs[index].address + UInt64(start) }
            }
            return nil
        }
        if let found { return found }
        var slab = Slab(address: try take(slabBytes), free: FreeRanges(count: slabBytes))
        let start = slab.free.take(wanted) ?? 0
        slabs.withLock { $0.append(slab) }
        return slab.address + UInt64(start)
    }

    private func giveBack(_ address: UInt64, _ count: Int) {
        slabs.withLock { slabs in
            guard
                let index = slabs.firstIndex(where: { $0.address..<$0.address + UInt64(slabBytes) ~= address })
            else { preconditionFailure("memory of no slab") }
            let start = Int(address - slabs[index].address)
            slabs[index].free.give(back: start..<start + count)
        }
    }

    /// When the device is full, slabs of which nothing is used go back to it before it is asked again.
    private func take(_ byteCount: Int) throws(ComputeError) -> UInt64 {
        if let address = try device.allocate(byteCount: byteCount) { return address }
        let unused = slabs.withLock { slabs -> [UInt64] in
            let unused = slabs.filter(\.free.isWhole).map(\.address)
            slabs.removeAll { $0.free.isWhole }
            return unused
        }
        unused.forEach(device.free)
        if !unused.isEmpty, let address = try device.allocate(byteCount: byteCount) { return address }
        throw .outOfMemory(device: device.name, byteCount: byteCount)
    }
}
