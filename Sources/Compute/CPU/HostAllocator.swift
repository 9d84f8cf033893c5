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
///
/// What is kept is what the last passes used: whoever asks for fresh memory first gives back what has been free since long
/// ago, so that sizes which are asked for no more (another prompt's, a KV cache's) do not stay beside those that are.
final class HostAllocator: Sendable {
    private struct Block {
        let address: UInt
        let size: Int
        /// The number of the last allocation before it became free.
        let freedAt: Int
    }

    private struct State {
        /// The longest free first: a few hundred at most.
        var free: [Block] = []
        var freeBytes = 0
        var allocations = 0

        /// The newest free block of `size`, whose pages are likeliest to be cached, or of a size not much larger.
        mutating func take(_ size: Int) -> Block? {
            allocations += 1
            var best: Int?
            for index in free.indices.reversed() where size...size + size / 4 ~= free[index].size {
                if free[index].size < best.map({ free[$0].size }) ?? .max { best = index }
                if free[index].size == size { break }
            }
            guard let best else { return nil }
            freeBytes -= free[best].size
            return free.remove(at: best)
        }

        mutating func keep(_ address: UnsafeMutableRawPointer, _ size: Int) {
            free.append(Block(address: UInt(bitPattern: address), size: size, freedAt: allocations))
            freeBytes += size
        }

        /// Takes out the longest free blocks: as many as it needs for no more than `limit` bytes to be left.
        mutating func shrink(to limit: Int) -> ArraySlice<Block> {
            var (count, bytes) = (0, freeBytes)
            while bytes > limit {
                bytes -= free[count].size
                count += 1
            }
            return remove(first: count)
        }

        /// Takes out what nobody has asked for during the last `age` allocations.
        mutating func shrink(olderThan age: Int) -> ArraySlice<Block> {
            remove(first: free.firstIndex { allocations - $0.freedAt <= age } ?? free.count)
        }

        private mutating func remove(first count: Int) -> ArraySlice<Block> {
            guard count > 0 else { return [] }
            let removed = free[..<count]
            freeBytes -= removed.reduce(0) { $0 + $1.size }
            free = Array(free[count...])
            return removed
        }
    }

    /// Several decoding steps of thirty layers: what no step of them used belongs to something else.
    private static let longestUnused = 2048

    private let state = Mutex(State())
    private let limit: Int

    /// `limit`: bytes of free blocks kept.
    init(limit: Int = 32 << 20) { self.limit = limit }

    deinit { Self.giveBack(state.withLock { $0.shrink(to: 0) }) }

    /// Bytes of free blocks now.
    var freeBytes: Int { state.withLock { $0.freeBytes } }

    /// At least `byteCount` uninitialised bytes, aligned to 64.
    func allocate(byteCount: Int) throws(ComputeError) -> Storage {
        let wanted = Self.blockSize(for: byteCount)
        guard let (address, size) = reuse(wanted) ?? fresh(wanted).map({ ($0, wanted) }) else {
            throw .outOfMemory(device: "cpu", byteCount: byteCount)
        }
        // Capturing nothing but the allocator, the closure needs no memory of its own.
        return Storage(address: address, byteCount: size) { [self] in take($0, back: $1) }
    }

    private func reuse(_ size: Int) -> (UnsafeMutableRawPointer, size: Int)? {
        guard let block = state.withLock({ $0.take(size) }) else { return nil }
        return UnsafeMutableRawPointer(bitPattern: block.address).map { ($0, block.size) }
    }

    private func fresh(_ size: Int) -> UnsafeMutableRawPointer? {
        Self.giveBack(state.withLock { $0.shrink(olderThan: Self.longestUnused) })
        return docent_allocate(Int64(size))
    }

    private func take(_ address: UnsafeMutableRawPointer, back size: Int) {
        let surplus = state.withLock { state in
            state.keep(address, size)
            return state.shrink(to: limit)
        }
        Self.giveBack(surplus)
    }

    private static func giveBack(_ blocks: ArraySlice<Block>) {
        for block in blocks { free(UnsafeMutableRawPointer(bitPattern: block.address)) }
    }

    /// The next of four sizes between powers of two, so that near sizes share blocks and at most a quarter is wasted.
    static func blockSize(for byteCount: Int) -> Int {
        let least = max(byteCount, 256)
        let step = (1 << (Int.bitWidth - 1 - least.leadingZeroBitCount)) / 4
        return (least + step - 1) / step * step
    }
}
