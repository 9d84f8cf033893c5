import CCUDA
import Compute
import Synchronization

/// Products of many rows by cuBLASLt, on tensor cores: bf16 rows and weights, f32 sums and results.
///
/// The library thinks in columns: our rows [rows, inputs] are its matrix of `inputs` × `rows`, so weightsᵀ × rows gives the results as
/// we lay them out, and its bias runs along our outputs.
final class LtProducts: Sendable {
    /// A product's shape: what an algorithm is chosen for.
    private struct Shape: Hashable {
        let rows, inputs, outputs: Int
        let hasBias: Bool
    }

    /// Descriptors and the algorithm that the library's heuristics like best.
    private final class Plan {
        let description, weights, input, output: UnsafeMutableRawPointer
        let algorithm: ccuda_lt_heuristic
        private let functions: ccuda_cublaslt

        init(_ parts: [UnsafeMutableRawPointer], _ algorithm: ccuda_lt_heuristic, _ functions: ccuda_cublaslt) {
            (description, weights, input, output) = (parts[0], parts[1], parts[2], parts[3])
            self.algorithm = algorithm
            self.functions = functions
        }

        deinit {
            [weights, input, output].forEach { _ = functions.cublasLtMatrixLayoutDestroy($0) }
            _ = functions.cublasLtMatmulDescDestroy(description)
        }
    }

    /// What NVIDIA advises for Hopper.
    private static let workspaceBytes = 32 << 20
    /// Of pointers, which the heuristics count on.
    private static let alignment: UInt64 = 256
    private static let mostPlans = 4096

    private let library: OpenedLibrary<ccuda_cublaslt>
    private let device: CUDADevice
    private let workspace: Storage
    /// Safe to share: used while `plans` is locked.
    nonisolated(unsafe) private let handle: UnsafeMutableRawPointer
    /// Nil for shapes that the library has no algorithm for. Safe to share: touched while `turn` is locked.
    nonisolated(unsafe) private var plans: [Shape: Plan?] = [:]
    private let turn = Mutex(())

    init(_ library: OpenedLibrary<ccuda_cublaslt>, _ device: CUDADevice, _ arena: DeviceArena) throws {
        self.library = library
        self.device = device
        workspace = try arena.allocate(byteCount: Self.workspaceBytes)
        var handle: UnsafeMutableRawPointer?
        let status = try device.perform { _ in library.functions.cublasLtCreate(&handle) }
        guard status == 0, let handle else {
            throw CUDAError.callFailed("cublasLtCreate", reason: library.words(for: status))
        }
        self.handle = handle
    }

    deinit {
        plans = [:]
        let functions = library.functions
        let handle = handle
        _ = try? device.perform { _ in functions.cublasLtDestroy(handle) }
    }

    /// `output = input · weightᵀ + bias`, or `+=`. False where the library cannot: then nothing was done.
    ///
    /// `input`: bf16 [rows, inputs]; `weight`: bf16 [outputs, inputs]; `bias`: f32; `output`: f32 [rows, outputs].
    func multiply(
        _ input: Tensor, _ weight: Tensor, bias: Tensor?, into output: Tensor, adds: Bool
    ) throws(ComputeError) -> Bool {
        let addresses = [input, weight, output].map(\.deviceAddress) + (bias.map { [$0.deviceAddress] } ?? [])
        guard addresses.allSatisfy({ $0.isMultiple(of: Self.alignment) }) else { return false }
        let shape = Shape(rows: input.rows, inputs: input.width, outputs: weight.rows, hasBias: bias != nil)
        return try turn.withLock { _ throws(ComputeError) in
            guard let plan = try plan(for: shape) else { return false }
            var (alpha, beta): (Float, Float) = (1, adds ? 1 : 0)
            let functions = library.functions
            let status = try device.perform { stream in
                if var address = bias?.deviceAddress {
                    let set = functions.cublasLtMatmulDescSetAttribute(
                        plan.description, Int32(CCUDA_LT_BIAS_POINTER), &address, 8)
                    if set != 0 { return set }
                }
                return withUnsafePointer(to: plan.algorithm.algorithm) { algorithm in
                    functions.cublasLtMatmul(
                        handle, plan.description, &alpha, weight.deviceAddress, plan.weights, input.deviceAddress,
                        plan.input, &beta, output.deviceAddress, plan.output, output.deviceAddress, plan.output,
                        algorithm, UInt64(UInt(bitPattern: workspace.address)), Self.workspaceBytes, stream)
                }
            }
            guard status == 0 else {
                throw .deviceLost(device: device.name, reason: "cublasLtMatmul: \(library.words(for: status))")
            }
            return true
        }
    }

    private func plan(for shape: Shape) throws(ComputeError) -> Plan? {
        if let known = plans[shape] { return known }
        if plans.count >= Self.mostPlans { plans = [:] }
        let plan = try device.perform { _ in makePlan(for: shape) }
        plans[shape] = .some(plan)
        return plan
    }

    /// Nil when any part of it is refused.
    private func makePlan(for shape: Shape) -> Plan? {
        let functions = library.functions
        var made: [UnsafeMutableRawPointer] = []
        var isComplete = false
        defer {
            if !isComplete {
                made.dropFirst().forEach { _ = functions.cublasLtMatrixLayoutDestroy($0) }
                made.prefix(1).forEach { _ = functions.cublasLtMatmulDescDestroy($0) }
            }
        }
        func make(_ body: (inout UnsafeMutableRawPointer?) -> Int32) -> Bool {
            var pointer: UnsafeMutableRawPointer?
            guard body(&pointer) == 0, let pointer else { return false }
            made.append(pointer)
            return true
        }
        func layout(_ type: Int, _ rows: Int, _ columns: Int) -> Bool {
            make { functions.cublasLtMatrixLayoutCreate(&$0, Int32(type), UInt64(rows), UInt64(columns), Int64(rows)) }
        }
        guard
            make({ functions.cublasLtMatmulDescCreate(&$0, Int32(CCUDA_COMPUTE_32F), Int32(CCUDA_R_32F)) }),
            set(made[0], CCUDA_LT_TRANSA, CCUDA_OP_T),
            !shape.hasBias
                || (set(made[0], CCUDA_LT_EPILOGUE, CCUDA_EPILOGUE_BIAS)
                    && set(made[0], CCUDA_LT_BIAS_TYPE, CCUDA_R_32F)),
            layout(CCUDA_R_16BF, shape.inputs, shape.outputs), layout(CCUDA_R_16BF, shape.inputs, shape.rows),
            layout(CCUDA_R_32F, shape.outputs, shape.rows), let algorithm = bestAlgorithm(made)
        else { return nil }
        isComplete = true
        return Plan(made, algorithm, functions)
    }

    private func set(_ description: UnsafeMutableRawPointer, _ attribute: Int, _ value: Int) -> Bool {
        var value = Int32(value)
        return library.functions.cublasLtMatmulDescSetAttribute(description, Int32(attribute), &value, 4) == 0
    }

    private func bestAlgorithm(_ parts: [UnsafeMutableRawPointer]) -> ccuda_lt_heuristic? {
        let functions = library.functions
        var preference: UnsafeMutableRawPointer?
        guard functions.cublasLtMatmulPreferenceCreate(&preference) == 0, let preference else { return nil }
        defer { _ = functions.cublasLtMatmulPreferenceDestroy(preference) }
        var bytes = UInt64(Self.workspaceBytes)
        var result = ccuda_lt_heuristic()
        var found: Int32 = 0
        guard
            functions.cublasLtMatmulPreferenceSetAttribute(preference, Int32(CCUDA_LT_WORKSPACE_BYTES), &bytes, 8) == 0,
            functions.cublasLtMatmulAlgoGetHeuristic(
                handle, parts[0], parts[1], parts[2], parts[3], parts[3], preference, 1, &result, &found) == 0,
            found == 1, result.state == 0
        else { return nil }
        return result
    }
}

extension OpenedLibrary where Table == ccuda_cublaslt {
    /// "CUBLAS_STATUS_NOT_SUPPORTED" and the like.
    func words(for status: Int32) -> String {
        functions.cublasLtGetStatusString(status).map { String(cString: $0) } ?? "status \(status)"
    }
}
