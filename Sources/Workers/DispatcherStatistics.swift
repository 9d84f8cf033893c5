/// What a dispatcher has done since it started.
public struct DispatcherStatistics: Sendable, Hashable {
    public var requestsSucceeded = 0
    public var requestsFailed = 0
    public var images = 0
    public var promptTokens = 0
    public var completionTokens = 0
    /// Thread time in decoding (reading, decoding, orienting).
    public var decodeTime: Duration = .zero
    /// Thread time in resizing, tiling and normalising.
    public var resizeTime: Duration = .zero

    public init() {}
}
