import Compute

/// Where a model's tensors come from: a checkpoint, or thin air for measuring speed.
protocol TensorSource: Sendable {
    /// Named in errors.
    var folder: String { get }

    /// Names that a model must have a place for.
    var names: Set<String> { get }

    func contains(_ name: String) -> Bool

    /// The shape that is stored; nil when there is no such tensor or any shape will do.
    func shape(of name: String) -> [Int]?

    /// Throws unless `tensor` would give `name`, which exists, in this shape.
    func check(_ name: String, shape: [Int]) throws

    /// The tensor `name` in host memory, of exactly this shape; f32, f16 or bf16.
    func tensor(_ name: String, shape: [Int]) throws -> Tensor

    /// Says that nobody reads the host memory of `name` any more.
    func discard(_ name: String)
}
