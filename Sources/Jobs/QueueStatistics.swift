/// The queue at a glance, for dashboards and admission control.
public struct QueueStatistics: Sendable, Hashable, Codable {
    /// Requests that wait for a worker, those of paused jobs included.
    public var waitingInteractive: Int
    public var waitingBulk: Int
    public var running: Int
    /// Age of the oldest request that could be claimed now, in milliseconds.
    public var oldestWaitingMilliseconds: Int64?
    /// Size of the write-ahead log.
    public var walBytes: Int64
    /// Transactions committed since the store was opened, and the operations that they carried.
    public var commits: Int
    public var operations: Int
    /// Time that those transactions took, syncs of the disk included.
    public var commitTime: Duration

    public func waiting(_ priority: JobPriority) -> Int {
        switch priority {
        case .interactive: waitingInteractive
        case .bulk: waitingBulk
        }
    }
}
