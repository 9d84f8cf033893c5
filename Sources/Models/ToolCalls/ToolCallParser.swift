/// Takes the calls of tools out of an answer that comes in pieces.
///
/// A call is given out whole, once it is known to be one: it has the name of a function that there is, and its arguments are
/// a JSON object. What only looks like a call stays text, markers and all. How the answer was cut into pieces changes
/// nothing about the calls, nor about the texts joined.
public struct ToolCallParser: Sendable {
    public enum Event: Sendable, Hashable {
        case text(String)
        /// The arguments as the model wrote them.
        case call(name: String, arguments: String)
    }

    private enum State: Sendable {
        /// Before or between Hermes' calls.
        case text
        /// After Hermes' opening marker.
        case marked
        /// Before the first word of an answer in Llama's format, or the first after a call.
        case beginning
        /// Inside an object of Llama's format.
        case object
        /// No call can follow any more.
        case plain
    }

    private static let opening = Array("<tool_call>".utf8)
    private static let closing = Array("</tool_call>".utf8)
    /// A special token, so it seldom shows.
    private static let pythonTag = Array("<|python_tag|>".utf8)

    private let format: ToolFormat
    private let functions: Set<String>
    private var state: State
    private var pending: [UInt8] = []
    private var extent = JSONExtent()
    private var events: [Event] = []
    /// White space at the beginning and after calls, which is text only if text follows.
    private var heldSpace: [UInt8] = []
    private var isInText = false
    private var hasCalls = false

    /// `functions`: the names of those that may be called.
    public init(_ format: ToolFormat, functions: Set<String>) {
        self.format = format
        self.functions = functions
        state = format == .hermes ? .text : .beginning
    }

    /// The answer goes on with `text`.
    public mutating func push(_ text: String) -> [Event] {
        pending += text.utf8
        return advance(isOver: false)
    }

    /// The answer is over: what was held back is a call or text.
    public mutating func finish() -> [Event] {
        _ = advance(isOver: true)
        if !hasCalls { append(heldSpace) }
        defer { events = [] }
        return events
    }

    private mutating func advance(isOver: Bool) -> [Event] {
        while step(isOver: isOver) {}
        guard !isOver else { return [] }
        defer { events = [] }
        return events
    }

    /// Whether there is more to do with what is pending.
    private mutating func step(isOver: Bool) -> Bool {
        switch state {
        case .text: findOpening(isOver: isOver)
        case .marked: readMarked(isOver: isOver)
        case .beginning: findObject(isOver: isOver)
        case .object: readObject(isOver: isOver)
        case .plain: giveAll()
        }
    }

    // MARK: Hermes

    private mutating func findOpening(isOver: Bool) -> Bool {
        if let place = pending.firstRange(of: Self.opening) {
            give(pending[..<place.lowerBound])
            pending.removeFirst(place.upperBound)
            extent = JSONExtent()
            state = .marked
            return true
        }
        let held = isOver ? 0 : Self.overlap(of: pending, with: Self.opening)
        give(pending.dropLast(held))
        pending.removeFirst(pending.count - held)
        return false
    }

    private mutating func readMarked(isOver: Bool) -> Bool {
        switch extent.scan(pending) {
        case .unfinished where !isOver: return false
        case .unfinished, .broken: return giveMarker()
        case .complete(let end):
            let rest = pending[end...].drop(while: JSONExtent.isSpace)
            if rest.starts(with: Self.closing) {
                return take(pending[..<end], upTo: rest.startIndex + Self.closing.count, then: .text) || giveMarker()
            }
            guard Self.closing.starts(with: rest) else { return giveMarker() }
            // The scan is over, so it is begun anew when more has come.
            extent = JSONExtent()
            guard isOver else { return false }
            return rest.isEmpty && take(pending[..<end], upTo: pending.count, then: .text) || giveMarker()
        }
    }

    /// What follows the marker is no call: the marker is text, and so may be what follows.
    private mutating func giveMarker() -> Bool {
        give(Self.opening[...])
        state = .text
        return true
    }

    // MARK: Llama

    private mutating func findObject(isOver: Bool) -> Bool {
        var rest = pending.drop { JSONExtent.isSpace($0) || hasCalls && $0 == UInt8(ascii: ";") }
        if rest.starts(with: Self.pythonTag) {
            rest = rest.dropFirst(Self.pythonTag.count).drop(while: JSONExtent.isSpace)
        }
        if rest.first == UInt8(ascii: "{") {
            extent = JSONExtent(from: rest.startIndex)
            state = .object
            return true
        }
        if Self.pythonTag.starts(with: rest), !isOver { return false }
        if rest.isEmpty, hasCalls { pending = [] }
        state = .plain
        return true
    }

    private mutating func readObject(isOver: Bool) -> Bool {
        switch extent.scan(pending) {
        case .unfinished where !isOver: return false
        case .complete(let end):
            let start = pending.firstIndex(of: UInt8(ascii: "{")) ?? 0
            if take(pending[start..<end], upTo: end, then: .beginning) { return true }
        case .unfinished, .broken: break
        }
        state = .plain
        return true
    }

    // MARK: Giving out

    private mutating func giveAll() -> Bool {
        give(pending[...])
        pending = []
        return false
    }

    /// Takes `text` for a call if it is one; then what is pending up to `end` is done with.
    private mutating func take(_ text: ArraySlice<UInt8>, upTo end: Int, then next: State) -> Bool {
        guard let call = call(in: text) else { return false }
        events.append(call)
        pending.removeFirst(end)
        (heldSpace, isInText, hasCalls) = ([], false, true)
        state = next
        return true
    }

    private func call(in text: ArraySlice<UInt8>) -> Event? {
        let members = text.withUnsafeBytes { try? JSONParser.memberTexts(of: $0, file: "a call") }
        guard let members, case .string(let name)? = members["name"]?.value, functions.contains(name),
            let arguments = members["arguments"] ?? members["parameters"]
        else { return nil }
        switch arguments.value {
        case .object: return .call(name: name, arguments: arguments.text)
        case .string(let text):
            guard case .object? = try? JSONValue.parse(text, name: "arguments") else { return nil }
            return .call(name: name, arguments: text)
        default: return nil
        }
    }

    private mutating func give(_ bytes: ArraySlice<UInt8>) {
        guard !isInText else { return append(bytes) }
        let words = bytes.drop(while: JSONExtent.isSpace)
        heldSpace += bytes[..<words.startIndex]
        guard !words.isEmpty else { return }
        append(heldSpace + words)
        (heldSpace, isInText) = ([], true)
    }

    private mutating func append(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        if case .text(let before)? = events.last {
            events[events.count - 1] = .text(before + text)
        } else {
            events.append(.text(text))
        }
    }

    /// The length of the longest end of `bytes` that `marker` begins with, short of all of it.
    private static func overlap(of bytes: [UInt8], with marker: [UInt8]) -> Int {
        (1..<marker.count).reversed().first { bytes.suffix($0).elementsEqual(marker.prefix($0)) && $0 <= bytes.count }
            ?? 0
    }
}
