/// A run of bytes on one device, freed (or unmapped, or given back to a pool) when its last tensor goes.
///
/// The one place in this target that holds a raw address. `address` is a host address on the CPU backend and a device
/// address on a GPU backend: only the backend that made a storage may read through it.
public final class Storage: Sendable {
    /// Safe to share: it never changes, and the bytes are written only by the backend's own thread between the operations
    /// it orders.
    nonisolated(unsafe) public let address: UnsafeMutableRawPointer
    public let byteCount: Int
    private let release: @Sendable (UnsafeMutableRawPointer, _ byteCount: Int) -> Void

    /// Takes over `byteCount` bytes at `address`; `release` runs once, at the end of the storage's life.
    public init(
        address: UnsafeMutableRawPointer, byteCount: Int,
        release: @escaping @Sendable (UnsafeMutableRawPointer, _ byteCount: Int) -> Void
    ) {
        self.address = address
        self.byteCount = byteCount
        self.release = release
    }

    /// Fresh, uninitialised host memory aligned for vector loads.
    public static func host(byteCount: Int) -> Storage {
        let address = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
        return Storage(address: address, byteCount: byteCount) { address, _ in address.deallocate() }
    }

    deinit { release(address, byteCount) }
}
