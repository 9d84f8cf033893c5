#if canImport(Glibc)
    import Glibc
#endif

/// The C library's heap, from which Swift's arrays and libvips' buffers come.
enum Heap {
    /// Gives every block of a megabyte or more memory of its own that goes back to the system with it.
    ///
    /// glibc raises this bound by itself, up to 32 MB, when such blocks are freed, and from then on takes them from the heaps
    /// that each thread has. Pixels and request bodies come and go on all threads, and what they left there stayed: 26 MB for
    /// each of eleven threads after ten minutes of captions. A fault for every 4 KiB of a picture costs a hundredth of decoding it.
    static func returnLargeBlocks() {
        #if canImport(Glibc)
            // <malloc.h> is not part of Swift's Glibc module.
            guard let symbol = dlsym(nil, "mallopt") else { return }
            let mallopt = unsafeBitCast(symbol, to: (@convention(c) (CInt, CInt) -> CInt).self)
            _ = mallopt(mmapThreshold, 1 << 20)
        #endif
    }

    /// M_MMAP_THRESHOLD, see mallopt(3).
    private static let mmapThreshold: CInt = -3
}
