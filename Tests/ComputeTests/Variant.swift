import Testing

@testable import Compute

/// A way to run the CPU backend: one instruction set and thread count of those this machine has.
struct Variant: CustomTestStringConvertible, Sendable {
    let instructions: InstructionSet
    let threads: Int

    var testDescription: String { "\(instructions.rawValue), \(threads) threads" }
    var backend: CPUBackend { CPUBackend(threads: threads, instructions: instructions) }

    static let all = InstructionSet.available.flatMap { set in
        [1, 2, 3].map { Variant(instructions: set, threads: $0) }
    }
    /// One for each instruction set, where threads make no difference to what is tested.
    static let alone = InstructionSet.available.map { Variant(instructions: $0, threads: 1) }
}
