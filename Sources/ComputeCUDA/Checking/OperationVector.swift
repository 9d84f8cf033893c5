public import Compute

/// One operation on fixed inputs: what a backend makes of it is held against what the CPU's makes.
public struct OperationVector: Sendable, CustomStringConvertible {
    public let name: String
    /// The largest difference allowed, relative to the largest value.
    public let tolerance: Float
    /// Whether keys or values that are no bf16 numbers pass through the cache.
    let fillsCache: Bool
    private let body: @Sendable (any Backend, inout CheckNumbers) throws -> [Tensor]

    public var description: String { name }

    init(
        _ name: String, tolerance: Float = 2e-5, fillsCache: Bool = false,
        _ body: @escaping @Sendable (any Backend, inout CheckNumbers) throws -> [Tensor]
    ) {
        self.name = name
        self.tolerance = tolerance
        self.fillsCache = fillsCache
        self.body = body
    }

    /// The results, one after another.
    public func values(on backend: any Backend) throws -> [Float] {
        var numbers = CheckNumbers(backend: backend)
        return try body(backend, &numbers).flatMap(backend.download)
    }

    /// How far `backend` is from the CPU; infinite where a result is no number or has another size.
    public func error(of backend: any Backend, against reference: CPUBackend) throws -> Float {
        let (found, expected) = (try values(on: backend), try values(on: reference))
        guard found.count == expected.count else { return .infinity }
        let scale = expected.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
        return zip(found, expected).reduce(0) { worst, pair in
            let difference = abs(pair.0 - pair.1) / scale
            return difference.isNaN ? .infinity : max(worst, difference)
        }
    }

    public static let all: [OperationVector] = rows + products + attentions + pictures
}

/// Numbers that look random and are the same everywhere: multiples of 1/128 in −1 … 1, which bf16 and f16 hold exactly, so that
/// only what is computed differs.
struct CheckNumbers {
    let backend: any Backend
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    init(backend: any Backend) { self.backend = backend }

    private mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int(state >> 33) % 255 - 127) / 128
    }

    mutating func tensor(_ shape: [Int], _ type: DType = .f32) throws -> Tensor {
        let count = shape.reduce(1, *)
        let host = Tensor(shape: shape, type: type, storage: .host(byteCount: type.byteCount(of: count)))
        for index in 0..<count {
            let value = next()
            switch type {
            case .f32: host.address.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
            case .f16:
                host.address.storeBytes(of: Float16(value).bitPattern, toByteOffset: 2 * index, as: UInt16.self)
            case .bf16:
                let bits = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
                host.address.storeBytes(of: bits, toByteOffset: 2 * index, as: UInt16.self)
            case .i32, .u8, .q8, .q4: preconditionFailure("no numbers of \(type)")
            }
        }
        return try backend.upload(host)
    }

    /// A cosine and a sine of each pair are on the unit circle only roughly, which no backend minds.
    mutating func angles(_ rows: Int, _ width: Int) throws -> RotaryAngles {
        RotaryAngles(cosines: try tensor([rows, width]), sines: try tensor([rows, width]))
    }
}
