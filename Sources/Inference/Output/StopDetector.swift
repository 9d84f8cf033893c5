/// Finds the first stop text in an answer that comes in pieces, and holds back what might become one.
///
/// Each stop text has its own Knuth–Morris–Pratt automaton over UTF-8 bytes, so the result does not depend on how the
/// answer was cut into pieces: the stop text that is complete first ends it, of several the longest.
struct StopDetector: Sendable {
    /// What a piece of the answer leads to.
    struct Finding: Sendable, Equatable {
        /// Text that can be given out: it ends before anything that might become a stop text.
        var text: String
        /// The stop text that ended the answer.
        var stop: String?
    }

    private struct Automaton: Sendable {
        let stop: String
        let bytes: [UInt8]
        /// For each prefix the length of the longest shorter prefix that it also ends with.
        let fallback: [Int]
        /// How much of the stop text the answer ends with.
        var matched = 0

        init(_ stop: String) {
            self.stop = stop
            let bytes = Array(stop.utf8)
            var fallback = Array(repeating: 0, count: bytes.count)
            var length = 0
            for index in bytes.indices.dropFirst() {
                while length > 0 && bytes[index] != bytes[length] { length = fallback[length - 1] }
                if bytes[index] == bytes[length] { length += 1 }
                fallback[index] = length
            }
            self.bytes = bytes
            self.fallback = fallback
        }

        mutating func read(_ byte: UInt8) {
            while matched > 0 && byte != bytes[matched] { matched = fallback[matched - 1] }
            if byte == bytes[matched] { matched += 1 }
        }

        var isComplete: Bool { matched == bytes.count }
    }

    private var automata: [Automaton]
    private let includesStop: Bool
    /// The end of the answer that is not given out yet.
    private var held: [UInt8] = []

    /// `stops` are not empty texts. `includesStop`: whether the stop text belongs to the answer.
    init(stops: [String], includesStop: Bool) {
        automata = stops.map { Automaton($0) }
        self.includesStop = includesStop
    }

    /// The answer goes on with `text`. Nothing may follow a finding with a stop.
    mutating func push(_ text: String) -> Finding {
        if automata.isEmpty { return Finding(text: text) }
        for byte in text.utf8 {
            held.append(byte)
            for index in automata.indices { automata[index].read(byte) }
            let complete = automata.filter(\.isComplete).max { $0.bytes.count < $1.bytes.count }
            guard let complete else { continue }
            if !includesStop { held.removeLast(complete.bytes.count) }
            return Finding(text: finish(), stop: complete.stop)
        }
        let candidate = automata.map(\.matched).max() ?? 0
        let safe = held.count - candidate
        let text = String(decoding: held[..<safe], as: UTF8.self)
        held.removeFirst(safe)
        return Finding(text: text)
    }

    /// The answer goes on with `text`, in which no stop text counts.
    mutating func pass(_ text: String) -> String {
        for index in automata.indices { automata[index].matched = 0 }
        return finish() + text
    }

    /// The answer is over: gives out what was held back.
    mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }
}
