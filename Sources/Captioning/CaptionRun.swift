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
    private var failures: [Int: ImageFailure] = [:]

    /// Opens the outputs; `print` takes the lines for standard output, without their ends.
    public init(
        _ walk: Walk, settings: CaptionSettings, reporter: ProgressReporter, print: @escaping @Sendable (String) -> Void
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

    /// Decides which images need a caption, and returns their indices in the order of the walk.
    public func plan(knowing committed: CommittedCaptions = .init()) throws(CaptionError) -> [Int] {
        var outdated: Set<String> = []
        for (index, image) in images.enumerated() {
            var lacking: [any CaptionOutput] = []
            for output in outputs {
                let held = try output.caption(of: image)
                if let held, committed.isFresh(held, of: image) { continue }
                if held != nil { outdated.insert(image.path) }
                lacking.append(output)
            }
            if !lacking.isEmpty { wanting[index] = lacking }
        }
        for output in outputs { try output.discard(outdated) }
        reporter.begin(total: wanting.count, skipped: images.count - wanting.count)
        for problem in problems { reporter.failed(problem, counts: false) }
        return wanting.keys.sorted()
    }

    /// Takes what came of the image at `index`; a later success makes up for a failure, anything else counts once.
    /// - Parameter isRestored: it was committed before this run.
    public func accept(_ outcome: CaptionOutcome, at index: Int, isRestored: Bool = false) throws(CaptionError) {
        guard let lacking = wanting[index], !captioned.contains(index) else { return }
        switch outcome {
        case .answered(let answer):
            let row = CaptionRow(answer, of: images[index], settings: settings)
            for output in lacking { try output.write(row, at: index, of: images[index]) }
            captioned.insert(index)
            if failures.removeValue(forKey: index) != nil { return }
            isRestored ? reporter.restored() : reporter.captioned(tokens: answer.completionTokens)
        case .failed(let code, let message):
            guard failures[index] == nil else { return }
            let failure = ImageFailure(path: images[index].path, code: code, message: message)
            failures[index] = failure
            for output in lacking { try output.pass(index) }
            reporter.failed(failure)
        }
    }

    /// Puts everything accepted so far on the disk.
    public func flush() throws(CaptionError) {
        for output in outputs { try output.flush() }
    }

    /// Ends the run: outputs are complete, failures are reported. What has no outcome yet counts as remaining.
    public func finish() throws(CaptionError) -> CaptionSummary {
        try flush()
        let failures = problems + failures.sorted { $0.key < $1.key }.map(\.value)
        if let path = settings.failuresPath { try FailuresReport.write(failures, to: path) }
        var summary = CaptionSummary()
        summary.found = images.count + problems.count
        summary.captioned = captioned.count
        summary.skipped = images.count - wanting.count
        summary.failed = failures.count
        summary.remaining = wanting.count - captioned.count - self.failures.count
        reporter.finish(summary)
        return summary
    }
}
