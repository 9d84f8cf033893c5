#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Takes a multipart/form-data body (RFC 7578, in the form of RFC 2046, 5.1.1) apart as it comes, wherever it is cut.
///
/// What it keeps between two calls is bounded: a part's headers, or fewer bytes than a delimiter has.
struct MultipartParser {
    enum Event: Equatable, Sendable {
        case begin(PartHead)
        /// Some content of the part that has begun.
        case content([UInt8])
        case end
    }

    private enum Place { case preamble, afterDelimiter, head, content, epilogue }

    static let longestBoundary = 70
    static let longestHead = 16 << 10
    static let longestPreamble = 64 << 10
    static let mostParts = 32
    private static let longestPadding = 128

    /// A line's end and the boundary after two hyphens: a line's end before a boundary is not the part's.
    private let delimiter: [UInt8]
    /// The first delimiter has no line before it; it is given one.
    private var buffer = Array("\r\n".utf8)
    /// How much of the buffer is done with.
    private var consumed = 0
    private var place = Place.preamble
    private var preamble = 0
    private var parts = 0

    /// - Parameter contentType: the request's; its boundary is needed.
    init(contentType: String) throws(APIError) {
        guard let type = HeaderParameters(contentType), type.value == "multipart/form-data" else {
            throw .malformed("Content-Type must be multipart/form-data", param: nil)
        }
        guard let boundary = type["boundary"], (1...Self.longestBoundary).contains(boundary.utf8.count),
            boundary.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }), boundary.last != " "
        else {
            throw .malformed(
                "Content-Type must name a boundary of 1 to \(Self.longestBoundary) characters", param: nil)
        }
        delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// What the next bytes of the body complete.
    mutating func parse(_ bytes: [UInt8]) throws(APIError) -> [Event] {
        guard place != .epilogue else { return [] }
        buffer += bytes
        var events: [Event] = []
        var start = 0
        while let next = try step(from: start, &events) { start = next }
        buffer.removeFirst(min(consumed, buffer.count))
        consumed = 0
        return events
    }

    /// Says that nothing more comes.
    func finish() throws(APIError) {
        guard place == .epilogue else {
            throw .malformed("The body ends before its last boundary: was it sent whole?", param: nil)
        }
    }

    /// Goes on from `start`; nil when more bytes are needed.
    private mutating func step(from start: Int, _ events: inout [Event]) throws(APIError) -> Int? {
        consumed = start
        switch place {
        case .preamble, .content: return try skipContent(from: start, &events)
        case .afterDelimiter: return try skipLineEnd(from: start)
        case .head: return try readHead(from: start, &events)
        case .epilogue: return nil
        }
    }

    private mutating func skipContent(from start: Int, _ events: inout [Event]) throws(APIError) -> Int? {
        let found = nextDelimiter(from: start)
        let end = found ?? max(start, buffer.count - delimiter.count + 1)
        if place == .content {
            if end > start { events.append(.content(Array(buffer[start..<end]))) }
            if found != nil { events.append(.end) }
        } else {
            preamble += end - start
            guard preamble <= Self.longestPreamble else {
                throw .malformed("The body does not begin with its boundary.", param: nil)
            }
        }
        consumed = end
        guard let found else { return nil }
        place = .afterDelimiter
        return found + delimiter.count
    }

    private mutating func skipLineEnd(from start: Int) throws(APIError) -> Int? {
        guard start + 2 <= buffer.count else { return nil }
        if buffer[start] == UInt8(ascii: "-"), buffer[start + 1] == UInt8(ascii: "-") {
            place = .epilogue
            consumed = buffer.count
            return nil
        }
        var end = start
        while end < buffer.count, buffer[end] == UInt8(ascii: " ") || buffer[end] == UInt8(ascii: "\t") { end += 1 }
        let isTooLong = end - start > Self.longestPadding
        guard end + 2 <= buffer.count || isTooLong else { return nil }
        guard !isTooLong, buffer[end] == UInt8(ascii: "\r"), buffer[end + 1] == UInt8(ascii: "\n") else {
            throw .malformed("A boundary is followed by something else than a line's end.", param: nil)
        }
        parts += 1
        guard parts <= Self.mostParts else {
            throw .malformed("The body has more than \(Self.mostParts) parts.", param: nil)
        }
        place = .head
        return end + 2
    }

    private mutating func readHead(from start: Int, _ events: inout [Event]) throws(APIError) -> Int? {
        let ending = Array("\r\n\r\n".utf8)
        let window = buffer[start...].prefix(Self.longestHead + ending.count)
        var end = window.startIndex
        while end + ending.count <= window.endIndex, !window[end...].starts(with: ending) { end += 1 }
        guard end + ending.count <= window.endIndex else {
            guard window.count < Self.longestHead else {
                throw .malformed("A part's headers are longer than \(Self.longestHead) bytes.", param: nil)
            }
            return nil
        }
        events.append(.begin(try PartHead(Array(window[..<end]))))
        place = .content
        return end + ending.count
    }

    /// Where the next whole delimiter begins.
    private func nextDelimiter(from start: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            delimiter.withUnsafeBytes { delimiter in
                guard let base = bytes.baseAddress, let wanted = delimiter.baseAddress else { return nil }
                var at = start
                while at + delimiter.count <= bytes.count {
                    let room = bytes.count - delimiter.count + 1 - at
                    guard let found = memchr(base + at, 0x0D, room) else { return nil }
                    at = UnsafeRawPointer(found) - base
                    if memcmp(base + at, wanted, delimiter.count) == 0 { return at }
                    at += 1
                }
                return nil
            }
        }
    }
}
