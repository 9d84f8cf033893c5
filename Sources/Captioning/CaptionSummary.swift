/// How a run ended.
public struct CaptionSummary: Sendable, Hashable {
    /// Images that were found, and things that looked like images and could not be taken.
    public var found = 0
    /// Captions written by this run, those from earlier runs' work included.
    public var captioned = 0
    /// Images that had their captions already.
    public var skipped = 0
    public var failed = 0
    /// Images that were not reached before the run was interrupted.
    public var remaining = 0

    public init() {}

    /// 0 everything captioned, 1 interrupted, 2 some images failed, 3 nothing to do.
    public var exitStatus: Int32 {
        if remaining > 0 { return 1 }
        if failed > 0 { return 2 }
        return captioned == 0 ? 3 : 0
    }

    public var sentence: String {
        if found == 0 { return "No images were found." }
        var parts = ["\(captioned) of \(found) images captioned"]
        if skipped > 0 { parts.append("\(skipped) had their captions") }
        if failed > 0 { parts.append("\(failed) failed") }
        if remaining > 0 { parts.append("\(remaining) left: give the same command again to go on") }
        return parts.joined(separator: ", ") + "."
    }
}
