/// What happens while a model is pulled.
public enum PullEvent: Sendable, Hashable {
    /// The hub has listed the model's files.
    case listed(commit: String)
    /// One more file is needed.
    case needed(file: String, bytes: Int)
    /// Bytes of a needed file that are there already, from an earlier run or another process.
    case resumed(file: String, bytes: Int)
    /// Bytes that came.
    case received(bytes: Int)
    /// Bytes that were there and have to come again.
    case discarded(file: String, bytes: Int, reason: String)
    /// A needed file is in the cache.
    case finished(file: String)
    /// Another try will follow.
    case retrying(after: Duration, reason: String)
    /// Another process fetches the file.
    case waiting(file: String)
}
