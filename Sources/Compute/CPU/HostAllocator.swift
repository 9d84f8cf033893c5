import CKernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Memory for activations, kept after use: a forward pass asks for the same sizes again and again, and fresh pages
/// from the system cost a fault each (0.25 µs for 4 KiB).
final class HostAllocator: Sendable {
    private struct State {
        /// Addresses of free blocks by size.
        var free: [Int: [UInt]] = [:]
        var freeBytes = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// `limit`: bytes of free blocks kept.
    init(limit: Int = 256 << 20) { self.limit = limit }

    deinit {
        state.withLock { state in
            for address in state.free.values.joined() { free(UnsafeMutableRawPointer(bitPattern: address)) }
        }
    }

    /// Bytes of free blocks now.
    var freeBytes: Int { state.withLock { $0.freeBytes } }

    /// At least `byteCount` uninitialised bytes, aligned to 64.
    func allocate(byteCount: Int) throws(ComputeError) -> Storage {
        let size = Self.blockSize(for: byteCount)
        guard let address = reuse(size) ?? docent_allocate(Int64(size)) else {
            throw .outOfMemory(device: "cpu", byteCount: byteCount)
        }
        return Storage(address: address, byteCount: size) { self.give($0, back: size) }
    }

    private func reuse(_ size: Int) -> UnsafeMutableRawPointer? {
        let address = state.withLock { state -> UInt? in
            guard let address = state.free[size]?.popLast() else { return nil }
            state.freeBytes -= size
            return address
        }
        return address.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
    }

    private func give(_ address: UnsafeMutableRawPointer, back size: Int) {
        let bits = UInt(bitPattern: address)
        let kept = state.withLock { state -> Bool in
            guard state.freeBytes + size <= limit else { return false }
            state.free[size, default: []].append(bits)
            state.freeBytes += size
            return true
        }
        if !kept { free(address) }
    }

    /// The next of four sizes between powers of two, so that near sizes share blocks and at most a quarter is wasted.
    static func blockSize(for byteCount: Int) -> Int {
        let least = max(byteCount, 256)
        let step = (1 << (Int.bitWidth - 1 - least.leadingZeroBitCount)) / 4
        return (least + step - 1) / step * step
    }
}
