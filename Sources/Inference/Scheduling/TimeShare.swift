/// Divides the device's time between two kinds of work that would both go on: for each `parts` of time that the first
/// takes the second gets one.
///
/// Times are measured, not guessed: what a slice or a token costs differs a hundredfold between models and devices.
struct TimeShare: Sendable {
    /// What the second has coming; negative when it took more than that.
    private(set) var owed = Duration.zero
    private var parts = 1
    private var isContested = false

    /// Whether the second goes next. Of times when there was nothing to divide, or by another measure, nothing is
    /// owed: whoever has just come finds no debts.
    mutating func isSecondNext(first: Bool, second: Bool, parts: Int) -> Bool {
        isContested = first && second
        if !isContested || parts != self.parts { owed = .zero }
        self.parts = parts
        return second && (!first || owed > .zero)
    }

    /// Notes what the work that was chosen last took.
    mutating func note(first: Duration = .zero, second: Duration = .zero) {
        if isContested { owed += first / parts - second }
    }
}
