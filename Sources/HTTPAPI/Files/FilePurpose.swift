/// What files are for, as OpenAI names it. Only `batch` means something here; files of the others are kept and given back.
enum FilePurpose {
    static let batch = "batch"
    /// What batches make; not for uploads.
    static let batchOutput = "batch_output"
    static let uploaded = ["assistants", batch, "fine-tune", "vision", "user_data", "evals"]

    /// OpenAI's: inputs of batches expire, other files live until they are deleted.
    static func lifetime(of purpose: String) -> Duration? { purpose == batch ? .seconds(30 * 24 * 3600) : nil }
}

/// How long a file lives, as clients ask for it: an anchor, which can only be its creation, and seconds.
enum FileLifetime {
    static let seconds = 3600...2_592_000

    static func parse(anchor: String?, seconds: Int?, param: String) throws(APIError) -> Duration {
        guard anchor == "created_at" else {
            throw .badRequest("\(param)'s anchor must be created_at", param: param)
        }
        guard let seconds, Self.seconds.contains(seconds) else {
            throw .badRequest(
                "\(param)'s seconds must be from \(Self.seconds.lowerBound) to \(Self.seconds.upperBound)",
                param: param)
        }
        return .seconds(seconds)
    }
}
