/// Whether an answer comes in pieces, and what they tell of its length.
struct StreamOptions: Sendable {
    var isStreamed: Bool
    /// A last chunk with the usage.
    var includesUsage = false
    /// In every chunk the usage so far.
    var hasContinuousUsage = false

    init(_ fields: JSONFields) throws(APIError) {
        isStreamed = try fields.bool("stream") ?? false
        guard let options = try fields.fields("stream_options") else { return }
        guard isStreamed else {
            throw .badRequest("stream_options may be set only when stream is true", param: "stream_options")
        }
        includesUsage = try options.bool("include_usage") ?? false
        hasContinuousUsage = try options.bool("continuous_usage_stats") ?? false
    }
}
