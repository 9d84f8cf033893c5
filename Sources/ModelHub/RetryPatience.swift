/// How often a file that does not come is asked for again, and after which wait.
///
/// Tries in vain are limited in a row. A try that brought much was not in vain; one that brought a byte was, or a hub that
/// gives byte by byte would keep us for ever.
struct RetryPatience {
    static let mostTriesInVain = 5
    static let substantialBytes = 1 << 20
    static let longestPause = Duration.seconds(30)
    /// A hub's rate limits are counted in windows of five minutes.
    static let longestRequestedWait = 600

    private var triesInVain = 0

    /// The wait after `error`; nil when it is time to give up. `received`: what the failed try brought, in bytes.
    mutating func pause(after error: HubError, received: Int) -> Duration? {
        guard error.isRetryable else { return nil }
        triesInVain = received >= Self.substantialBytes ? 1 : triesInVain + 1
        guard triesInVain <= Self.mostTriesInVain else { return nil }
        let growing = min(Duration.seconds(1 << (triesInVain - 1)), Self.longestPause)
        guard case .busy(_, _, let seconds?) = error else { return growing }
        return seconds <= Self.longestRequestedWait ? max(.seconds(seconds), growing) : nil
    }
}
