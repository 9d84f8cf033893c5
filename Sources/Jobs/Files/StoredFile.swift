/// The public name of a file: `file-` and 26 base32 characters that sort by time of creation.
public struct FileID: RawRepresentable, Hashable, Sendable {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }
}

/// Bytes under a name that clients know: what they uploaded, or what came of a batch.
public struct StoredFile: Sendable, Hashable {
    public let id: FileID
    /// "batch", "batch_output", …: opaque here.
    public let purpose: String
    /// As the client called it; never a path of ours.
    public let filename: String
    public let blob: BlobID
    public let bytes: Int
    public let createdAt: Timestamp
    /// From then on it is as if it had been deleted.
    public let expiresAt: Timestamp?
}

/// How a file is added, once its bytes are a blob.
public struct NewFile: Sendable {
    public var blob: BlobID
    public var bytes: Int
    public var purpose: String
    public var filename: String
    /// For ever unless given.
    public var lifetime: Duration?

    public init(blob: BlobID, bytes: Int, purpose: String, filename: String, lifetime: Duration? = nil) {
        self.blob = blob
        self.bytes = bytes
        self.purpose = purpose
        self.filename = filename
        self.lifetime = lifetime
    }
}
