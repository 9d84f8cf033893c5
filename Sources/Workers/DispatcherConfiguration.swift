public import Models

/// How much a dispatcher takes on at once.
public struct DispatcherConfiguration: Sendable {
    /// Bulk requests in hand: more than the engine runs at once, so that the next images are decoded before they are needed.
    public var bulkSlots = 16
    /// Interactive requests in hand on top of the bulk ones: a bulk run never makes a person wait for a slot. They may have
    /// the slots that bulk leaves, but not keep them from it.
    public var interactiveSlots = 16
    /// Bytes of pixels that bulk requests may have waiting for the model: two SmolVLM images of 17 frames, or forty of one.
    public var waitingPixelBytes = 32 << 20
    /// Threads that decode and resize.
    public var imageThreads = 2
    public var imageLimits = ImageLimits()
    /// How often leases are renewed; a fraction of the store's lease.
    public var leaseRenewal: Duration = .seconds(10)
    /// How long finished jobs, their results and their blobs are kept.
    public var retention: Duration = .seconds(30 * 24 * 3600)

    public init() {}
}
