import Synchronization
import Testing

@testable import Compute

@Suite struct ThreadPoolTests {
    @Test(arguments: [1, 2, 3, 8])
    func `every part runs once, whatever the number of threads`(_ threads: Int) {
        let pool = ThreadPool(threads: threads)
        for parts in [0, 1, 2, 3, 7, 64, 1000] {
            let counts = Mutex([Int](repeating: 0, count: parts))
            pool.run(parts: parts) { part, thread in
                #expect(0..<threads ~= thread)
                counts.withLock { $0[part] += 1 }
            }
            #expect(counts.withLock { $0.allSatisfy { $0 == 1 } }, "\(parts) parts")
        }
    }

    @Test func `a long chain of small jobs loses none of them`() {
        let pool = ThreadPool(threads: 3)
        let sum = Atomic(0)
        for job in 0..<5000 { pool.run(parts: 1 + job % 5) { part, _ in sum.add(part + 1, ordering: .relaxed) } }
        // 1 + 3 + 6 + 10 + 15 for each five jobs.
        #expect(sum.load(ordering: .relaxed) == 1000 * 35)
    }

    @Test func `callers on several threads take turns`() async {
        let pool = ThreadPool(threads: 2)
        let sum = Atomic(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { @Sendable in
                    for _ in 0..<200 { pool.run(parts: 3) { part, _ in sum.add(part, ordering: .relaxed) } }
                }
            }
        }
        #expect(sum.load(ordering: .relaxed) == 4 * 200 * 3)
    }

    @Test(arguments: [(0, 16), (1, 16), (15, 16), (16, 16), (100, 16), (1000, 7)])
    func `ranges cover everything once and start at multiples of the step`(_ count: Int, _ step: Int) {
        let pool = ThreadPool(threads: 3)
        let ranges = Mutex<[Range<Int>]>([])
        pool.run(over: count, step: step, cost: 1 << 20) { range, _ in ranges.withLock { $0.append(range) } }
        let found = ranges.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
        #expect(found.flatMap { Array($0) } == Array(0..<count))
        #expect(found.allSatisfy { $0.lowerBound.isMultiple(of: step) })
    }
}

@Suite struct HostAllocatorTests {
    @Test func `a freed block serves the next request of its size`() throws {
        let allocator = HostAllocator()
        let address = try allocator.allocate(byteCount: 1000).address
        #expect(allocator.freeBytes >= 1000)
        #expect(try allocator.allocate(byteCount: 1000).address == address)
    }

    @Test func `free blocks beyond the limit go back to the system, the longest free first`() throws {
        let allocator = HostAllocator(limit: 4096)
        _ = try allocator.allocate(byteCount: 1 << 20)
        #expect(allocator.freeBytes == 0)
        for size in [1024, 2048, 3072] { _ = try allocator.allocate(byteCount: size) }
        #expect(allocator.freeBytes == 3072)
    }

    @Test func `what nobody asks for any more goes when fresh memory is wanted, what is in use stays`() throws {
        let allocator = HostAllocator()
        _ = try allocator.allocate(byteCount: 1 << 20)
        for _ in 0..<3000 { _ = try allocator.allocate(byteCount: 1024) }
        #expect(allocator.freeBytes == (1 << 20) + 1024)
        _ = try allocator.allocate(byteCount: 4096)
        #expect(allocator.freeBytes == 1024 + 4096)
    }

    @Test func `keys and values do not stay among the activations' blocks when their cache goes`() throws {
        let backend = CPUBackend(threads: 1)
        let shape = KVCacheShape(layers: 2, kvHeads: 1, headSize: 16, pages: 64, pageSize: 16)
        _ = try backend.makeKVCache(shape)
        #expect(backend.allocator.freeBytes == 0)
    }

    @Test(arguments: [0, 1, 255, 256, 257, 1000, 4097, 1 << 20, (1 << 20) + 1])
    func `a block is aligned, large enough and at most a quarter too large`(_ byteCount: Int) throws {
        let storage = try HostAllocator().allocate(byteCount: byteCount)
        #expect(Int(bitPattern: storage.address).isMultiple(of: 64))
        #expect(storage.byteCount >= byteCount)
        #expect(storage.byteCount <= max(256, byteCount + byteCount / 4 + 1))
    }
}
