import Synchronization

/// Keeps a run's progress and shows it: told from the run, drawn on its own beat.
public final class ProgressReporter: Sendable {
    private let style: ProgressStyle
    private let now: @Sendable () -> Duration
    private let write: @Sendable (String) -> Void
    private let state = Mutex(Progress())

    /// - Parameters:
    ///   - now: the time since some fixed moment.
    ///   - write: puts text on standard error, as it is.
    public init(
        style: ProgressStyle, now: @escaping @Sendable () -> Duration, write: @escaping @Sendable (String) -> Void
    ) {
        self.style = style
        self.now = now
        self.write = write
    }

    public var progress: Progress { state.withLock { $0 } }

    /// Shows progress until cancelled: five times a second to a person, every other second to a program.
    public func run() async {
        let beat: Duration = if case .terminal = style { .milliseconds(200) } else { .seconds(2) }
        while (try? await Task.sleep(for: beat)) != nil { show() }
    }

    public func show() {
        let progress = progress
        if progress.total > 0 { write(style.progress(progress, now: now())) }
    }

    public func message(_ text: String) { write(style.message(text)) }

    /// Tells a person `text`, a program `event`.
    public func tell(_ text: String, event: some Encodable) { write(style.told(text, event: event)) }

    func begin(total: Int, skipped: Int) {
        state.withLock { $0 = Progress(total: total, skipped: skipped, now: now()) }
    }

    func restored() { state.withLock { $0.restore() } }

    func captioned(tokens: Int) { state.withLock { $0.caption(tokens: tokens, now: now()) } }

    func failed(_ failure: ImageFailure, counts: Bool = true) {
        if counts { state.withLock { $0.fail(now: now()) } }
        write(style.failure(failure))
    }

    func finish(_ summary: CaptionSummary) {
        show()
        write(style.summary(summary))
    }
}
