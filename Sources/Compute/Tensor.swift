/// A dense, row-major array on one device: a shape and an element type over a part of a `Storage`.
///
/// Copying a tensor shares its bytes. All tensors are contiguous; a view may start anywhere in its storage.
public struct Tensor: Sendable {
    public let shape: [Int]
    public let type: DType
    public let storage: Storage
    /// Where the first element lies in `storage`, in bytes.
    public let byteOffset: Int

    public init(shape: [Int], type: DType, storage: Storage, byteOffset: Int = 0) {
        let byteCount = type.byteCount(of: shape.reduce(1, *))
        precondition(byteOffset >= 0 && byteOffset + byteCount <= storage.byteCount, "tensor outside its storage")
        self.shape = shape
        self.type = type
        self.storage = storage
        self.byteOffset = byteOffset
    }

    public var count: Int { shape.reduce(1, *) }
    public var byteCount: Int { type.byteCount(of: count) }
    public var address: UnsafeMutableRawPointer { storage.address + byteOffset }

    /// Length of the last dimension.
    public var width: Int { shape.last ?? 1 }
    /// Product of all dimensions but the last: how many rows of `width` there are.
    public var rows: Int { shape.dropLast().reduce(1, *) }

    /// The same bytes under another shape with the same number of elements.
    public func reshaped(_ shape: [Int]) -> Tensor {
        precondition(shape.reduce(1, *) == count, "\(self.shape) cannot be viewed as \(shape)")
        return Tensor(shape: shape, type: type, storage: storage, byteOffset: byteOffset)
    }

    /// Rows `range` of the matrix view [rows, width], sharing the bytes.
    public func rows(_ range: Range<Int>) -> Tensor {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of a tensor with \(rows) rows")
        precondition(!type.isQuantized || range.lowerBound.isMultiple(of: 16), "\(type) keeps 16 rows together")
        return Tensor(
            shape: [range.count, width], type: type, storage: storage,
            byteOffset: byteOffset + type.byteCount(of: range.lowerBound * width))
    }
}
