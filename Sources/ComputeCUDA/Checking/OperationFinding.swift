public import Compute

/// How an operation of a device compares with the CPU's.
public struct OperationFinding: Sendable, Encodable {
    public let name: String
    /// The largest difference relative to the largest value; infinite where a result is no number.
    public let error: Float
    public let allowed: Float

    public var isWithin: Bool { error < allowed }

    /// All vectors on `backend`, in their order; throws what the device throws.
    public static func all(on backend: any Backend) throws -> [OperationFinding] {
        let reference = CPUBackend(threads: 1)
        return try OperationVector.all.map { vector in
            OperationFinding(
                name: vector.name,
                error: min(try vector.error(of: backend, against: reference), .greatestFiniteMagnitude),
                allowed: vector.tolerance(on: backend))
        }
    }
}

extension OperationVector {
    /// What bf16 cannot hold is lost where keys and values are stored so.
    func tolerance(on backend: any Backend) -> Float {
        guard fillsCache, let backend = backend as? CUDABackend, backend.cacheType != .f32 else { return tolerance }
        return max(tolerance, 1e-2)
    }
}
