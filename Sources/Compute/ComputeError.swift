/// What can go wrong on a device that is not a bug of ours.
public enum ComputeError: Error, CustomStringConvertible, Sendable {
    case outOfMemory(device: String, byteCount: Int)
    case deviceLost(device: String, reason: String)
    case unsupported(operation: String, reason: String)

    public var description: String {
        switch self {
        case .outOfMemory(let device, let byteCount):
            "\(device) has no room for \(byteCount) more bytes: use a smaller KV cache, a smaller model or --quantize q8"
        case .deviceLost(let device, let reason):
            "\(device) stopped working: \(reason)"
        case .unsupported(let operation, let reason):
            "\(operation) is not possible: \(reason)"
        }
    }
}
