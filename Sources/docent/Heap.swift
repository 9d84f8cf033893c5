#if canImport(Glibc)
    import Glibc
#endif

/// The C library's heap, from which Swift's arrays and libvips' buffers come.
enum Heap {
    /// Lets large blocks go back to the system as soon as they are freed, and threads share heaps.
    ///
    /// glibc raises the size from which a block has memory of its own, up to 32 MB, whenever such a block is freed; from then
    /// on it comes from the heaps that each thread has. Pixels and request bodies come and go on all threads, and what they
    /// left there stayed: a server of the 13 MB model had 460 MB after nine minutes. A bound that is set stays. A fault for
    /// every 4 KiB of a picture costs a hundredth of what decoding it does. The end of a heap goes back from 4 MB on: from
    /// 128 KB, which is the rule, each step's logits would be fetched from the system and returned.
    static func returnLargeBlocks() {
        #if canImport(Glibc)
            // <malloc.h> is not part of Swift's Glibc module.
            guard let symbol = dlsym(nil, "mallopt") else { return }
            let mallopt = unsafeBitCast(symbol, to: (@convention(c) (CInt, CInt) -> CInt).self)
            _ = mallopt(mmapThreshold, 256 << 10)
            _ = mallopt(trimThreshold, 4 << 20)
            _ = mallopt(mostArenas, 4)
        #endif
    }

    // The names' values in <malloc.h>; see mallopt(3).
    private static let mmapThreshold: CInt = -3
    private static let trimThreshold: CInt = -1
    private static let mostArenas: CInt = -8
}
