/// Where a worker gets the bytes of an image: this machine, or this machine and the network.
public protocol ImageSource: Sendable {
    /// The whole file. Throws `RequestFailure`, retryable where another try may help.
    func bytes(of reference: ImageReference) async throws -> [UInt8]
}
