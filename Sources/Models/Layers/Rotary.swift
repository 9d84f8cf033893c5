import Compute

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Rotary position embedding (Su et al. 2021, arXiv:2104.09864): the angles that turn queries and keys at a position.
struct Rotary: Sendable {
    /// How a model was stretched beyond the context it was first trained with.
    enum Scaling: Sendable, Equatable {
        case none
        /// All frequencies divided by `factor`.
        case linear(factor: Float)
        /// Llama 3.1: long wavelengths divided, short ones kept, those between blended.
        case llama3(factor: Float, lowFrequency: Float, highFrequency: Float, originalContext: Float)
        /// Each pair's frequency divided by a factor of its own: what GGUF files hold of any scaling.
        case divided(by: [Float])
    }

    struct Configuration: Sendable, Equatable {
        var theta: Float
        var scaling: Scaling
        /// For models whose tokens have three positions each.
        var axes: RotaryAxes?
    }

    /// Radians a position of each pair (i, i + headSize / 2), [headSize / 2].
    let frequencies: [Float]
    /// By which of its three positions a row's pair turns; nil where rows have one.
    private let axisOfPair: [RotaryAxes.Axis]?

    init(_ configuration: Configuration, headSize: Int) {
        // In f32 throughout, as the reference computes them: at position 8191 one step of f32 is visible.
        frequencies = (0..<headSize / 2).map { pair in
            let frequency = 1 / powf(configuration.theta, Float(2 * pair) / Float(headSize))
            return Self.scaled(frequency, pair, configuration.scaling)
        }
        axisOfPair = configuration.axes.map { axes in (0..<headSize / 2).map(axes.axis(ofPair:)) }
    }

    /// Cosines and sines for the rows of a batch, each [rows, headSize / 2].
    func angles(of batch: ForwardBatch, on backend: any Backend) throws -> RotaryAngles {
        guard let axisOfPair, !batch.gridPositions.isEmpty else {
            return try angles(at: batch.positions, on: backend)
        }
        var angles: [Float] = []
        angles.reserveCapacity(batch.gridPositions.count * frequencies.count)
        for position in batch.gridPositions {
            for (pair, frequency) in frequencies.enumerated() {
                angles.append(Float(axisOfPair[pair].coordinate(of: position)) * frequency)
            }
        }
        return try RotaryAngles(ofAngles: angles, width: frequencies.count, on: backend)
    }

    /// Cosines and sines for rows at `positions`, each [positions, headSize / 2].
    func angles(at positions: [Int32], on backend: any Backend) throws -> RotaryAngles {
        var angles: [Float] = []
        angles.reserveCapacity(positions.count * frequencies.count)
        for position in positions {
            for frequency in frequencies { angles.append(Float(position) * frequency) }
        }
        return try RotaryAngles(ofAngles: angles, width: frequencies.count, on: backend)
    }

    private static func scaled(_ frequency: Float, _ pair: Int, _ scaling: Scaling) -> Float {
        switch scaling {
        case .none: return frequency
        case .linear(let factor): return frequency / factor
        case .divided(let factors): return frequency / factors[pair]
        case .llama3(let factor, let low, let high, let originalContext):
            let wavelength = 2 * Float.pi / frequency
            if wavelength < originalContext / high { return frequency }
            if wavelength > originalContext / low { return frequency / factor }
            let blend = (originalContext / wavelength - low) / (high - low)
            return (1 - blend) * frequency / factor + blend * frequency
        }
    }
}

extension RotaryAngles {
    /// `angles`: [rows, width].
    init(ofAngles angles: [Float], width: Int, on backend: any Backend) throws {
        let shape = [angles.count / width, width]
        self.init(
            cosines: try backend.upload(.host(angles.map { cosf($0) }, shape: shape)),
            sines: try backend.upload(.host(angles.map { sinf($0) }, shape: shape)))
    }
}

extension Rotary.Configuration {
    /// Reads `rope_parameters` (transformers 5) or `rope_theta` beside `rope_scaling` (before).
    ///
    /// There is no default: the library's own, 10000, is wrong for nearly every checkpoint, and a wrong angle still
    /// gives fluent text.
    init(_ settings: Settings) throws {
        let parameters = try settings.section("rope_parameters")
        let scaling = try parameters ?? settings.section("rope_scaling")
        let holder = parameters?.value("rope_theta") == nil ? settings : parameters ?? settings
        theta = Float(try holder.number("rope_theta", in: 1...1e12))
        self.scaling = try scaling.map(Self.scaling) ?? .none
        axes = try scaling.flatMap(RotaryAxes.init)
    }

    /// Reads theta and scaling where they stand side by side, as each kind of layer has them in `rope_parameters`.
    init(parameters: Settings) throws {
        self.init(
            theta: Float(try parameters.number("rope_theta", in: 1...1e12)), scaling: try Self.scaling(parameters))
    }

    private static func scaling(_ settings: Settings) throws -> Rotary.Scaling {
        let key = settings.value("rope_type") == nil ? "type" : "rope_type"
        func number(_ name: String) throws -> Float { Float(try settings.number(name, in: 1e-6...1e9)) }
        switch try settings.string(key, default: "default") {
        case "default", "mrope": return .none
        case "linear": return .linear(factor: try number("factor"))
        case "llama3":
            return .llama3(
                factor: try number("factor"), lowFrequency: try number("low_freq_factor"),
                highFrequency: try number("high_freq_factor"),
                originalContext: try number("original_max_position_embeddings"))
        default: throw settings.unsupported(key, supported: "default, mrope, linear, llama3")
        }
    }
}
