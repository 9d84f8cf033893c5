/// A place where captions go: a file of rows, sidecars, or standard output.
///
/// An output is filled from committed rows only, so that whatever is lost here can be written again.
protocol CaptionOutput: AnyObject {
    /// The caption that is there for `image`, as far as it can be told; nil when it has none. Throws `sidecarUnwritable` when
    /// none could be put there.
    func caption(of image: FoundImage) throws(CaptionError) -> HeldCaption?
    /// Forgets the captions of images that have changed, before new ones come.
    func discard(_ paths: Set<String>) throws(CaptionError)
    /// Takes the caption of the image at `index` of the walk; false when it was there already.
    func write(_ row: CaptionRow, at index: Int, of image: FoundImage) throws -> Bool
    /// No caption will come for the image at `index`.
    func pass(_ index: Int) throws
    /// Everything taken so far is on the disk when this returns.
    func flush() throws(CaptionError)
    /// Every image of the run has its outcome; nothing more will come.
    func complete() throws(CaptionError)
}

/// A caption from an earlier run, or from somebody else.
struct HeldCaption: Hashable {
    /// Hash of the image that it was made of, where the output keeps it.
    var sha256: String?
    /// What the path of that image is relative to, where the output keeps it.
    var root: String?
    /// The caption, where nothing else tells whose it is.
    var text: String?
}
