import CKernels

extension CPUBackend {
    /// Bytes a second that all threads together read from memory: the best of several passes over more than any cache
    /// holds. A decoding step cannot take less than its weights' bytes over this.
    public func measureReadBandwidth() throws -> Double {
        let byteCount = 256 << 20
        let memory = try makeTensor([byteCount], .u8)
        memory.address.initializeMemory(as: UInt8.self, repeating: 1, count: byteCount)
        let parts = pool.threads * 8
        let partBytes = byteCount / parts / 64 * 64
        let clock = ContinuousClock()
        let best = (0..<8).map { _ in
            clock.measure {
                pool.run(parts: parts) { part, _ in
                    _ = docent_read(memory.address + part * partBytes, Int64(partBytes))
                }
            }
        }.min()
        return Double(parts * partBytes) / ((best ?? .zero) / .seconds(1))
    }
}
