/// What happens while a model is pulled.
public enum PullEvent: Sendable, Hashable {
    /// The hub has listed the model's files.
    case listed(commit: String)
    /// One more file is needed.
    case needed(file: String, bytes: Int)
    /// A needed file is in the cache already, from an earlier run or another process.
    case present(file: String, bytes: Int)
    /// The beginning of a needed file that is there already.
    case resumed(file: String, bytes: Int)
    /// Bytes that came.
    case received(bytes: Int)
    /// Bytes that were there and have to come again.
    case discarded(file: String, bytes: Int, reason: String)
    /// A needed file has come, and is in the cache.
    case finished(file: String)
    /// Another try will follow.
    case retrying(after: Duration, reason: String)
    /// Another process fetches the file.
    case waiting(file: String)
}
