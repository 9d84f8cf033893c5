/// The values that a model sees for the 256 steps of each colour.
enum PixelLevels {
    /// Rescaling in f64, then normalising in f32, exactly as transformers' Pillow-based processors do.
    static func normalized(_ settings: Settings) throws -> [[Float]] {
        let factor = try settings.number("rescale_factor", in: 1e-9...1, default: 1.0 / 255)
        let means = try settings.colours("image_mean").map { Float($0) }
        let deviations = try settings.colours("image_std").map { Float($0) }
        // What is a fine number in f64 may be 0 or infinite in f32.
        guard means.allSatisfy(\.isFinite) else {
            throw settings.failure("image_mean", expected: "three numbers that f32 can hold")
        }
        guard deviations.allSatisfy({ $0 > 0 }) else {
            throw settings.failure("image_std", expected: "three numbers above 0")
        }
        let levels = zip(means, deviations).map { mean, deviation in
            (0...255).map { (Float(Double($0) * factor) - mean) / deviation }
        }
        guard levels.joined().allSatisfy(\.isFinite) else {
            throw settings.failure("image_std", expected: "three numbers that colours can be divided by in f32")
        }
        return levels
    }

    /// 0 to 1, for towers that normalise themselves.
    static let plain = Array(repeating: (0...255).map { Float($0) / 255 }, count: 3)
}
