import DequeModule
import Models

/// Images of the requests in flight, as pixels until they are encoded and as features from then on, and features of
/// past images for as long as there is room.
///
/// An encoding that has begun is kept with the pixels while other work goes first, and forgotten with the last request
/// that shows the image.
///
/// Pixels go as soon as there are features: a SmolVLM image is 53 MB of pixels (17 frames of 512 × 512) and 2.5 MB of
/// features, which stay for the life of every request that shows it, so a preempted request needs no pixels.
struct ImageCache<Encoding: Sendable, Features: Sendable>: Sendable {
    private enum State {
        case pixels(ProcessedImage, encoding: Encoding?)
        case features(Features, byteCount: Int)
    }

    private struct Entry {
        var state: State
        /// Requests in flight that show the image.
        var users: Int
        /// When the last user left; orders the entries without users.
        var leftAt = 0
    }

    /// Bytes of features that are kept; those of requests in flight count, but never go.
    let capacity: Int
    private(set) var byteCount = 0
    /// Images that came while their features, or another request's order for them, were there.
    private(set) var hits = 0
    private(set) var lookups = 0
    private var entries: [ContentHash: Entry] = [:]
    /// Entries without users, the longest unused first; one that found users again is stale here and skipped.
    private var unused: Deque<(image: ContentHash, leftAt: Int)> = []
    private var clock = 0

    init(capacity: Int) { self.capacity = capacity }

    func isEncoded(_ image: ContentHash) -> Bool { features(of: image) != nil }

    func features(of image: ContentHash) -> Features? {
        if case .features(let features, _)? = entries[image]?.state { return features }
        return nil
    }

    func pixels(of image: ContentHash) -> ProcessedImage? {
        if case .pixels(let image, _)? = entries[image]?.state { return image }
        return nil
    }

    /// How far the encoding of `image` has come, if it has begun.
    func encoding(of image: ContentHash) -> Encoding? {
        if case .pixels(_, let encoding)? = entries[image]?.state { return encoding }
        return nil
    }

    /// A request that shows `image` came.
    mutating func retain(_ image: ProcessedImage) {
        lookups += 1
        if entries[image.hash] != nil { hits += 1 }
        entries[image.hash, default: Entry(state: .pixels(image, encoding: nil), users: 0)].users += 1
    }

    /// A request that shows `image` went.
    mutating func release(_ image: ContentHash) {
        guard var entry = entries[image] else { preconditionFailure("image \(image) was given back but never came") }
        precondition(entry.users > 0, "image \(image) was given back twice")
        entry.users -= 1
        if entry.users == 0 {
            guard case .features = entry.state else {
                entries[image] = nil
                return
            }
            clock += 1
            entry.leftAt = clock
            unused.append((image, clock))
        }
        entries[image] = entry
        shrink()
    }

    /// The encoding of `image` has come so far; nil: it is to begin anew.
    mutating func keep(_ encoding: Encoding?, of image: ContentHash) {
        guard case .pixels(let pixels, _)? = entries[image]?.state else { return }
        entries[image]?.state = .pixels(pixels, encoding: encoding)
    }

    mutating func store(_ features: Features, byteCount: Int, of image: ContentHash) {
        guard var entry = entries[image], case .pixels = entry.state else { return }
        entry.state = .features(features, byteCount: byteCount)
        entries[image] = entry
        self.byteCount += byteCount
        shrink()
    }

    private mutating func shrink() {
        while byteCount > capacity, let (image, leftAt) = unused.popFirst() {
            guard let entry = entries[image], entry.users == 0, entry.leftAt == leftAt else { continue }
            if case .features(_, let bytes) = entry.state { byteCount -= bytes }
            entries[image] = nil
        }
    }
}
