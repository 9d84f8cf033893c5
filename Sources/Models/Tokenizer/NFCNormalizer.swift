import Foundation

/// Unicode Normalisation Form C of text whose bytes carry trust marks.
///
/// The text is cut before every ASCII character, where NFC never acts across, and each part is normalised by itself.
/// What a part becomes is trusted only if all of it was, but for its ASCII head, which NFC keeps unless a mark
/// composes with it.
enum NFCNormalizer {
    static func normalize(_ source: SourceText) -> SourceText {
        if isUnchanged(source.utf8) { return source }
        var result = SourceText()
        var start = 0
        while start < source.utf8.count {
            var end = start + 1
            while end < source.utf8.count, source.utf8[end] >= 0x80 { end += 1 }
            normalizePart(source, start..<end, into: &result)
            start = end
        }
        return result
    }

    /// U+0300 is the first scalar that can change; it starts with the byte 0xCC.
    private static func isUnchanged(_ utf8: [UInt8]) -> Bool { !utf8.contains { $0 >= 0xCC } }

    private static func normalizePart(_ source: SourceText, _ range: Range<Int>, into result: inout SourceText) {
        let head = source.utf8[range.lowerBound]
        guard range.count > 1 else { return result.append(byte: head, isTrusted: source.trusted[range.lowerBound]) }
        // Foundation of Swift 6.3 on Linux does not compose U+AC00 U+11A8 unless they are decomposed first.
        let text = String(decoding: source.utf8[range], as: UTF8.self)
            .decomposedStringWithCanonicalMapping.precomposedStringWithCanonicalMapping
        let tail = range.lowerBound + 1..<range.upperBound
        if head < 0x80, text.utf8.first == head {
            result.append(byte: head, isTrusted: source.trusted[range.lowerBound])
            result.append(String(decoding: text.utf8.dropFirst(), as: UTF8.self), isTrusted: source.isTrusted(tail))
        } else {
            result.append(text, isTrusted: source.isTrusted(range))
        }
    }
}
