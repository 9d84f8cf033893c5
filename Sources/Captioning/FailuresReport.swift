import FoundationEssentials

/// FILE.failures.jsonl: the images without a caption, one JSON object with `path`, `code` and `message` a line.
enum FailuresReport {
    /// Replaces the report; without failures there is none.
    static func write(_ failures: [ImageFailure], to path: String) throws(CaptionError) {
        if failures.isEmpty { return try AtomicFile.remove(path) }
        var content: [UInt8] = []
        for failure in failures {
            guard let json = try? JSONEncoder.stable.encode(failure) else {
                preconditionFailure("a failure always has a JSON form")
            }
            content += Array(json) + [UInt8(ascii: "\n")]
        }
        try AtomicFile.write(content, to: path)
    }
}
