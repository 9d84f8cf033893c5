import ModelHub
import Synchronization

/// Keeps a pull's progress and shows it: told from the pull, drawn on its own beat.
final class PullDisplay: Sendable {
    private let style: PullStyle
    private let start = ContinuousClock.now
    private let state = Mutex(PullProgress())

    init(style: PullStyle) { self.style = style }

    func take(_ event: PullEvent) {
        state.withLock { $0.take(event, now: now) }
        if let text = style.told(event) { StandardStream.error.write(text) }
    }

    /// Shows progress until cancelled: five times a second to a person, every other second to a program.
    func run() async {
        let beat: Duration = if case .terminal = style { .milliseconds(200) } else { .seconds(2) }
        while (try? await Task.sleep(for: beat)) != nil { show() }
    }

    func show() {
        let progress = state.withLock { $0 }
        if progress.totalFiles > 0 { StandardStream.error.write(style.progress(progress, now: now)) }
    }

    /// Leaves the line that is drawn over itself.
    func end() { if case .terminal = style { StandardStream.error.write("\n") } }

    private var now: Duration { ContinuousClock.now - start }
}
