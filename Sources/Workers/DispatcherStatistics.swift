/// What a dispatcher has done since it started.
public struct DispatcherStatistics: Sendable, Hashable {
    public var requestsSucceeded = 0
    public var requestsFailed = 0
    public var images = 0
    public var promptTokens = 0
    public var completionTokens = 0
    /// Processor time of decoding and orienting.
    public var decodeTime: Duration = .zero
    /// Processor time of resizing, tiling and normalising.
    public var resizeTime: Duration = .zero
    /// For how long at least one image was being decoded or resized.
    public var imageWorkTime: Duration = .zero
    /// Images that came from other hosts, and the time that each took, added up.
    public var fetchedImages = 0
    public var fetchTime: Duration = .zero
    public var requests = RequestMeasurements()

    public init() {}
}
