/// For how long at least one of several pieces of work was in hand, whatever their number.
struct Occupancy {
    private var inHand = 0
    private var since = ContinuousClock.now
    /// Of the stretches that have ended.
    private(set) var total = Duration.zero

    mutating func begin(at now: ContinuousClock.Instant = .now) {
        if inHand == 0 { since = now }
        inHand += 1
    }

    mutating func end(at now: ContinuousClock.Instant = .now) {
        precondition(inHand > 0, "work ends that never began")
        inHand -= 1
        if inHand == 0 { total += now - since }
    }
}
