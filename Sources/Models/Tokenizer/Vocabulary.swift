/// Tokens by id and ids by token, checked once when the files are read.
struct Vocabulary: Sendable {
    /// No vocabulary of a published model comes near; a larger id is a damaged file, not a reason to fill memory.
    static let idLimit = 1 << 22

    /// What each id stands for; empty where an id is unused.
    private(set) var bytes: [[UInt8]]
    /// Ids by the UTF-8 of the token as the file writes it. `String` keys would compare by canonical equivalence.
    private(set) var ids: [[UInt8]: Int32] = [:]
    /// Tokens that stand for one byte of a character that has no token of its own.
    private(set) var fallbackBytes: Set<Int32> = []

    init(
        _ model: TokenizerFile.Model, added: [TokenizerFile.AddedToken], spelling: TokenSpelling, file: String
    ) throws(TokenizerError) {
        let all: [(String, Int)] = model.vocabulary + added.map { ($0.content, $0.id) }
        for (token, id) in all where !(0..<Self.idLimit).contains(id) {
            throw .idOutOfRange(file: file, token: token, id: id, limit: Self.idLimit)
        }
        let count = (all.map(\.1).max() ?? -1) + 1
        bytes = Array(repeating: [], count: count)
        var owner = [String?](repeating: nil, count: count)
        for (token, id) in all {
            let key = Array(token.utf8)
            if let other = owner[id], !other.utf8.elementsEqual(key) {
                throw .duplicateID(file: file, id: id, first: min(token, other), second: max(token, other))
            }
            owner[id] = token
            if ids.updateValue(Int32(id), forKey: key).map({ $0 != Int32(id) }) ?? false {
                throw .malformed(file: file, reason: "the token \(token.debugDescription) has two ids")
            }
            bytes[id] = spelling.bytes(of: token)
            if spelling == .sentencePiece, TokenSpelling.fallbackByte(token) != nil { fallbackBytes.insert(Int32(id)) }
        }
    }

    func id(of token: String) -> Int32? { ids[Array(token.utf8)] }
}
