import Foundation
import Models

/// A tokenizer whose tokens 0–255 are the bytes, with a few special tokens and one of many letters.
enum ByteTokenizer {
    static let end: Int32 = 256
    static let image: Int32 = 257
    static let stop: Int32 = 258
    /// "END" in one token, no special one.
    static let word: Int32 = 259
    static let vocabulary = 260

    static let tokenizer: Tokenizer = {
        var vocabulary: [String: Int] = [:]
        for (byte, symbol) in symbols.enumerated() { vocabulary[symbol] = byte }
        vocabulary["END"] = Int(word)
        let added = [("<end>", end), ("<image>", image), ("<stop>", stop)].map { content, id in
            ["id": Int(id), "content": content, "special": true] as [String: Any]
        }
        let file: [String: Any] = [
            "added_tokens": added,
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
            "decoder": ["type": "ByteLevel"],
            "model": ["type": "BPE", "vocab": vocabulary, "merges": [String]()],
        ]
        do {
            let json = try JSONSerialization.data(withJSONObject: file)
            return try Tokenizer(json: Array(json), configuration: nil, name: "bytes.json")
        } catch {
            preconditionFailure("the test tokenizer is wrong: \(error)")
        }
    }()

    /// GPT-2's printable stand-ins for the 256 bytes.
    private static let symbols: [String] = {
        var next = 256
        return (0..<256).map { byte in
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            defer { if !isPrintable { next += 1 } }
            return Unicode.Scalar(UInt32(isPrintable ? byte : next)).map { String(Character($0)) } ?? ""
        }
    }()

    static func tokens(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }
}
