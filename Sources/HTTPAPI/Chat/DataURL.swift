import FoundationEssentials

/// `data:[<media type>][;parameters];base64,<data>` (RFC 2397). The media type is not looked at: the bytes decide.
enum DataURL {
    static func bytes(of url: String) throws(APIError) -> [UInt8] {
        guard let comma = url.utf8.firstIndex(of: UInt8(ascii: ",")) else {
            throw .badRequest(
                "An image's data URL has no comma: it must read data:image/…;base64,…", param: "image_url")
        }
        guard url[..<comma].lowercased().hasSuffix(";base64") else {
            throw .badRequest("An image's data URL must be base64: data:image/…;base64,…", param: "image_url")
        }
        let text = url[url.index(after: comma)...]
        guard let plain = text.utf8.contains(UInt8(ascii: "%")) ? PercentEncoding.decoded(text.utf8) : Array(text.utf8),
            let data = Data(base64Encoded: Data(plain))
        else {
            throw .badRequest(
                "An image's data URL is not valid base64: no other characters, and padded with =", param: "image_url")
        }
        return Array(data)
    }
}
