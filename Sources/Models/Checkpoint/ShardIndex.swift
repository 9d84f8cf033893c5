/// `model.safetensors.index.json`: which file holds which tensor.
package struct ShardIndex: Sendable {
    /// More than any published checkpoint has (a few hundred); every file costs a mapping.
    static let mostFiles = 4096

    let path: String
    /// Names of the files, sorted; all lie in the folder of the index.
    package let files: [String]
    private let tensorsOfFile: [String: Set<String>]

    package init(contentsOf path: String) throws {
        guard let map = try Settings(contentsOf: path).value("weight_map"), case .object(let members) = map else {
            throw ModelError.malformedIndex(file: path, reason: "it has no object weight_map")
        }
        var tensorsOfFile: [String: Set<String>] = [:]
        for (tensor, value) in members {
            guard case .string(let name) = value, Self.isPlainName(name) else {
                throw ModelError.malformedIndex(
                    file: path, reason: "\(value.summary) is not the name of a .safetensors file beside it")
            }
            tensorsOfFile[name, default: []].insert(tensor)
        }
        self.tensorsOfFile = tensorsOfFile
        files = tensorsOfFile.keys.sorted()
        guard !files.isEmpty, files.count <= Self.mostFiles else {
            throw ModelError.malformedIndex(file: path, reason: "it names \(files.count) files")
        }
        self.path = path
    }

    /// Every tensor must be in the very file that the index names; `opened` are `files`, in their order.
    func check(against opened: [Safetensors]) throws {
        for (name, file) in zip(files, opened) {
            let promised = tensorsOfFile[name] ?? []
            if let missing = promised.subtracting(file.entries.keys).min() {
                throw ModelError.malformedIndex(file: path, reason: "\(missing) is not in \(name)")
            }
            if let unlisted = Set(file.entries.keys).subtracting(promised).min() {
                throw ModelError.malformedIndex(file: path, reason: "\(unlisted) in \(name) is not listed")
            }
        }
    }

    /// No separators, no dot files: an index must not reach outside its folder.
    private static func isPlainName(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") && !name.hasPrefix(".") && name.utf8.count <= 255
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 0x20 }
    }
}
