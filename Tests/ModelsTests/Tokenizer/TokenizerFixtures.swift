import Foundation
import Models

/// Tokenizers and goldens under Tests/Fixtures/tokenizer.
enum TokenizerFixtures {
    static let names = ["llama3", "qwen2", "smollm2", "gpt2", "docent-mini", "llama2", "vicuna", "gemma3"]

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    private static let folder = root.appending(path: "Tests/Fixtures/tokenizer")

    static func tokenizer(_ name: String) throws -> Tokenizer {
        if name == "docent-mini" {
            return try Tokenizer.load(from: root.appending(path: "Sources/docent/docent-mini").path())
        }
        return try Tokenizer(json: json(name), configuration: nil, name: name)
    }

    static func json(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: name + ".json")))
    }

    static func rows(_ file: String) throws -> [Substring] {
        try String(contentsOf: folder.appending(path: file), encoding: .utf8).split(separator: "\n")
    }

    static func decode<Value: Decodable>(_ file: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: file)))
    }

    /// A tokenizer.json with 256 byte tokens (ids 0…255) and what `edit` makes of it.
    static func small(_ edit: (inout [String: Any]) -> Void = { _ in }) throws -> [UInt8] {
        var file = try JSONSerialization.jsonObject(with: Data(json("gpt2"))) as? [String: Any] ?? [:]
        edit(&file)
        return Array(try JSONSerialization.data(withJSONObject: file))
    }
}

/// Makes the strings that tokenizer_goldens.py makes.
struct StringGenerator {
    struct Material: Decodable {
        var atoms: [String]
        var ranges: [[UInt32]]
    }

    private var state: UInt64
    private let material: Material

    init(seed: UInt64) throws {
        state = seed
        material = try TokenizerFixtures.decode("atoms.json", as: Material.self)
    }

    mutating func next(_ below: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % below
    }

    private mutating func scalar() -> Character {
        let range = material.ranges[next(material.ranges.count)]
        let value = range[0] + UInt32(next(Int(range[1] - range[0] + 1)))
        return Character(Unicode.Scalar(value) ?? "\u{FFFD}")
    }

    mutating func string() -> String {
        var text = ""
        for _ in 0..<1 + next(10) {
            switch next(10) {
            case 0..<7: text += material.atoms[next(material.atoms.count)]
            case 7: for _ in 0..<1 + next(4) { text.append(scalar()) }
            case 8:
                let atom = material.atoms[next(material.atoms.count)]
                for _ in 0..<1 + next(6) { text += atom }
            default:
                let space = [" ", "\n", "\t", "\r"][next(4)]
                for _ in 0..<1 + next(20) { text += space }
            }
        }
        return text
    }
}

/// FNV-1a, 32 bits.
struct GoldenHash {
    private var value: UInt32 = 0x811C_9DC5

    mutating func add(_ ids: [Int32]) {
        for id in ids + [-1] { withUnsafeBytes(of: id.littleEndian) { $0.forEach { add(byte: $0) } } }
    }

    mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte: byte) }
        add(byte: 0xFF)
    }

    private mutating func add(byte: UInt8) { value = (value ^ UInt32(byte)) &* 0x0100_0193 }

    var hex: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
