/// Floats of 8 bits: a sign, four bits of exponent with a bias of 7, three of fraction (Micikevicius et al. 2022,
/// arXiv:2209.05433, E4M3).
///
/// No code is infinite: the largest value is 448, and only 0x7F and 0xFF are no numbers.
enum E4M3 {
    /// The value of each code.
    static let values = (UInt8.min...UInt8.max).map(value)

    static func values(of codes: UnsafeRawBufferPointer) -> [Float] { codes.map { values[Int($0)] } }

    private static func value(of code: UInt8) -> Float {
        let (exponent, fraction) = (Int(code >> 3 & 15), Float(code & 7))
        let sign: Float = code < 128 ? 1 : -1
        if code & 127 == 127 { return .nan }
        if exponent == 0 { return Float(sign: .plus, exponent: -9, significand: sign * fraction) }
        return Float(sign: .plus, exponent: exponent - 10, significand: sign * (8 + fraction))
    }
}
