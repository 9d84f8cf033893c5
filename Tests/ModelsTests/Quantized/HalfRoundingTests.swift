import Testing

@testable import Models

struct HalfRoundingTests {
    private func rounded(_ values: [Float]) -> (bits: [UInt16], largest: Float) {
        var bits = [UInt16](repeating: 0, count: values.count)
        let largest = HalfRounding.round(values, values.count, into: &bits)
        return (bits, Float(bitPattern: largest))
    }

    @Test func `every f16 stays, and halves between neighbours go to the even one`() {
        let halves = (UInt16.min...UInt16.max).filter { Float16(bitPattern: $0).isFinite }
        #expect(rounded(halves.map { Float(Float16(bitPattern: $0)) }).bits == halves)
        for (lower, upper) in zip(halves, halves.dropFirst()) where upper == lower + 1 {
            let (low, high) = (Float(Float16(bitPattern: lower)), Float(Float16(bitPattern: upper)))
            let middle = (low + high) / 2
            let values = [middle.nextDown, middle, middle.nextUp]
            let expected = values.map { Float16($0).bitPattern }
            guard rounded(values).bits == expected else {
                Issue.record("between \(low) and \(high)")
                return
            }
        }
    }

    @Test func `the largest magnitude is reported, and what is no number stands above all`() {
        #expect(rounded([1, -3, 2]).largest == 3)
        #expect(rounded([1, -.infinity, 2]).largest == .infinity)
        #expect(rounded([1, .nan, .infinity]).largest.isNaN)
        #expect(rounded([0x1p-60, -0x1p-60]).bits == [0, 0x8000])
        #expect(rounded([65_504, 65_519]).bits == [0x7BFF, 0x7BFF])
    }
}
