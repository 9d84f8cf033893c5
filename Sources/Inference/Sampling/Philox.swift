/// Random numbers as a function of a key and a place: Philox 4×32-10 (Salmon et al. 2011, "Parallel random numbers: as
/// easy as 1, 2, 3").
///
/// With the request's seed as key and the token's index as place, a draw depends on nothing else: not on the company
/// that the request had, nor on whether it was preempted.
enum Philox {
    static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (counter, key) = (counter, key)
        for _ in 0..<10 {
            let first = counter[0].multipliedFullWidth(by: 0xD251_1F53)
            let second = counter[2].multipliedFullWidth(by: 0xCD9E_8D57)
            counter = SIMD4(second.high ^ counter[1] ^ key[0], second.low, first.high ^ counter[3] ^ key[1], first.low)
            key[0] &+= 0x9E37_79B9
            key[1] &+= 0xBB67_AE85
        }
        return counter
    }

    /// A number in [0, 1) with 53 random bits.
    static func uniform(seed: UInt64, index: Int) -> Double {
        let place = UInt64(index)
        let counter = SIMD4(UInt32(truncatingIfNeeded: place), UInt32(truncatingIfNeeded: place >> 32), 0, 0)
        let key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        let block = block(counter: counter, key: key)
        let bits = UInt64(block[0]) << 32 | UInt64(block[1])
        return Double(bits >> 11) * 0x1p-53
    }
}
