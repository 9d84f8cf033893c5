import FoundationEssentials
import HTTPAPI

extension License {
    private static let names = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt"]
    private static let longest = 1 << 20

    /// The licence in a checkpoint's folder; nil when there is none to be read.
    init?(besideModelAt path: String) {
        for name in Self.names {
            let file = path + "/" + name
            guard let size = try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int,
                size <= Self.longest,
                let bytes = try? Data(contentsOf: URL(filePath: file))
            else { continue }
            self.init(name: name, text: String(decoding: bytes, as: UTF8.self))
            return
        }
        return nil
    }
}
