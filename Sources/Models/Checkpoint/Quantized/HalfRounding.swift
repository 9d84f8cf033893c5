/// f32 to f16, to the nearest and to even where two are as near, as hardware does it.
///
/// In whole numbers, because a compiler for x86-64 without F16C calls a function for each `Float16(_:)`: 4.5 ns a value
/// against 0.4 for this loop, which it turns into vectors.
enum HalfRounding {
    /// The largest magnitude that is rounded right; beyond it and for what is no number the result means nothing.
    static let largest: Float = 65_504

    /// Rounds `count` values, and returns the bits of their largest magnitude, which are above those of infinity when one is no
    /// number.
    static func round(_ source: UnsafePointer<Float>, _ count: Int, into target: UnsafeMutablePointer<UInt16>) -> UInt32
    {
        var largest: Int32 = 0
        for index in 0..<count {
            let bits = source[index].bitPattern
            let magnitude = bits & 0x7FFF_FFFF
            largest = max(largest, Int32(bitPattern: magnitude))
            // Half of what falls off, less one when the last bit that stays is even; then the exponent's new bias.
            let normal = (magnitude &+ 0xFFF &+ (magnitude >> 13 & 1) &- 0x3800_0000) >> 13
            // Below 2⁻¹⁴ steps are 2⁻²⁴, which are the last bits of a sum with 1/2.
            let small = (Float(bitPattern: magnitude) + 0.5).bitPattern &- 0x3F00_0000
            target[index] =
                UInt16(truncatingIfNeeded: magnitude < 0x3880_0000 ? small : normal)
                | UInt16(truncatingIfNeeded: bits >> 16 & 0x8000)
        }
        return UInt32(bitPattern: largest)
    }
}
