/// One run over the images of a walk: knows which need captions, and takes outcomes in any order to the outputs.
///
/// Outcomes come from committed rows, either of this process's queue (`CaptionJob`) or of a server. Whatever happens to the
/// process between two calls, another run over the same images ends in the same outputs.
public actor CaptionRun {
    public nonisolated let images: [FoundImage]
    public nonisolated let settings: CaptionSettings
    private let problems: [ImageFailure]
    private let reporter: ProgressReporter
    private let outputs: [any CaptionOutput]
    /// Images that need a caption, by index, and the outputs that lack it.
    private var wanting: [Int: [any CaptionOutput]] = [:]
    private var captioned: Set<Int> = []
    /// Of those captioned: how many had this very caption everywhere already.
    private var unchanged = 0
    private var failures: [Int: ImageFailure] = [:]
    /// Time in the outputs: writing rows and sidecars, syncing them.
    public private(set) var writingTime = Duration.zero

    /// Opens the outputs; `print` takes the lines for standard output, without their ends.
    public init(
        _ walk: Walk, settings: CaptionSettings, reporter: ProgressReporter,
        print: @escaping @Sendable (String) throws -> Void
    ) throws(CaptionError) {
        images = walk.images
        problems = walk.problems
        self.settings = settings
        self.reporter = reporter
        var outputs: [any CaptionOutput] = []
        // Without images nothing is opened: a mistyped path must not cost an existing file its rows.
        guard !images.isEmpty else {
            self.outputs = []
            return
        }
        if settings.sidecar != .none {
            outputs.append(try SidecarWriter(format: settings.sidecar, policy: settings.existing))
        }
        if let path = settings.output { outputs.append(try RowFile(path: path, policy: settings.existing)) }
        if outputs.isEmpty { outputs.append(LineWriter(print: print)) }
        self.outputs = outputs
    }

    /// Decides which images need a caption, and returns their indices in the order of the walk. Images whose sidecar cannot
    /// be written are failures before a model has looked at them.
    public func plan(knowing committed: CommittedCaptions = .init()) throws(CaptionError) -> [Int] {
        var outdated: Set<String> = []
        for (index, image) in images.enumerated() {
            do throws(CaptionError) {
                var lacking: [any CaptionOutput] = []
                for output in outputs {
                    let held = try output.caption(of: image)
                    if let held, try isFresh(held, of: image, committed) { continue }
                    if held != nil { outdated.insert(image.path) }
                    lacking.append(output)
                }
                if !lacking.isEmpty { wanting[index] = lacking }
            } catch {
                failures[index] = try failure(from: error, of: image)
                wanting[index] = []
            }
        }
        for output in outputs { try output.discard(outdated) }
        reporter.begin(total: wanting.count, skipped: images.count - wanting.count)
        for problem in problems { reporter.failed(problem, counts: false) }
        for (_, failure) in failures.sorted(by: { $0.key < $1.key }) { reporter.failed(failure) }
        return wanting.keys.filter { failures[$0] == nil }.sorted()
    }

    /// Takes what came of the image at `index`; a later success makes up for a failure, anything else counts once.
    /// - Parameter isRestored: it was committed before this run.
    public func accept(_ outcome: CaptionOutcome, at index: Int, isRestored: Bool = false) throws {
        guard wanting[index] != nil, !captioned.contains(index) else { return }
        switch outcome {
        case .answered(let answer):
            do { try write(answer, at: index) } catch let error as CaptionError {
                return try fail(index, failure(from: error, of: images[index]))
            }
            captioned.insert(index)
            if failures.removeValue(forKey: index) != nil { return }
            isRestored ? reporter.restored() : reporter.captioned(tokens: answer.completionTokens)
        case .failed(let code, let message):
            try fail(index, ImageFailure(path: images[index].path, code: code, message: message))
        }
    }

    /// Puts everything accepted so far on the disk.
    public func flush() throws(CaptionError) {
        let start = ContinuousClock.now
        defer { writingTime += ContinuousClock.now - start }
        for output in outputs { try output.flush() }
    }

    /// Ends the run: failures are reported, and outputs are complete unless something remains: what has no outcome yet.
    public func finish() throws(CaptionError) -> CaptionSummary {
        try flush()
        let remaining = wanting.count - captioned.count - failures.count
        if remaining == 0 { for output in outputs { try output.complete() } }
        let failures = problems + failures.sorted { $0.key < $1.key }.map(\.value)
        if let path = settings.failuresPath { try FailuresReport.write(failures, to: path) }
        var summary = CaptionSummary()
        summary.found = images.count + problems.count
        summary.captioned = captioned.count - unchanged
        summary.skipped = images.count - wanting.count + unchanged
        summary.failed = failures.count
        summary.remaining = remaining
        reporter.finish(summary)
        return summary
    }

    /// Whether `held` is a caption of the image as it is now. Throws when it is that of an image of the same path below
    /// another root: its row must not give way, unless the whole folder has just been moved.
    private func isFresh(
        _ held: HeldCaption, of image: FoundImage, _ committed: CommittedCaptions
    ) throws(CaptionError) -> Bool {
        let isFresh = committed.isFresh(held, of: image)
        guard let root = held.root, root != image.root else { return isFresh }
        let other = FileFacts(at: root + "/" + image.path, followingLinks: true)?.identity
        let own = FileFacts(at: image.location, followingLinks: true)?.identity
        if isFresh, other == nil || other == own { return true }
        throw .rowOfAnotherRoot(output: settings.output ?? "", path: image.path, held: root, given: image.root)
    }

    private func write(_ answer: CaptionAnswer, at index: Int) throws {
        let start = ContinuousClock.now
        defer { writingTime += ContinuousClock.now - start }
        let row = CaptionRow(answer, of: images[index], settings: settings)
        var isNews = false
        for output in wanting[index] ?? [] {
            if try output.write(row, at: index, of: images[index]) { isNews = true }
        }
        if !isNews { unchanged += 1 }
    }

    private func fail(_ index: Int, _ failure: ImageFailure) throws {
        guard failures.updateValue(failure, forKey: index) == nil else { return }
        for output in wanting[index] ?? [] { try output.pass(index) }
        reporter.failed(failure)
    }

    /// The failure of one image that `error` amounts to; throws what is everybody's.
    private func failure(from error: CaptionError, of image: FoundImage) throws(CaptionError) -> ImageFailure {
        guard case .sidecarUnwritable = error else { throw error }
        return ImageFailure(path: image.path, code: "sidecar_unwritable", message: error.description)
    }
}
