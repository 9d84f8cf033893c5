/// Turns the tensor infos of a GGUF header into checked entries.
struct GGUFTensorDirectory {
    let file: String
    let dataStart: Int
    let dataEnd: Int
    let alignment: Int

    func entries(_ infos: [GGUFReader.TensorInfo]) throws -> [String: GGUF.Entry] {
        var entries: [String: GGUF.Entry] = [:]
        for info in infos {
            guard entries.updateValue(try entry(info), forKey: info.name) == nil else {
                throw failure(info.name, "it appears twice")
            }
        }
        try checkOverlap(entries.values.sorted { $0.range.lowerBound < $1.range.lowerBound })
        return entries
    }

    private func entry(_ info: GGUFReader.TensorInfo) throws -> GGUF.Entry {
        let type = GGUFTensorType(number: info.typeNumber)
        let shape = try info.dimensions.reversed().map { size in
            guard (1...UInt64(Safetensors.longestDimension)).contains(size) else {
                throw failure(info.name, "a dimension of \(size) in \(info.dimensions) is not believable")
            }
            return Int(size)
        }
        let byteCount = try byteCount(info.name, type, shape)
        guard info.offset.isMultiple(of: UInt64(alignment)) else {
            throw failure(info.name, "its offset \(info.offset) is no multiple of the alignment \(alignment)")
        }
        let room = max(0, dataEnd - dataStart)
        guard info.offset <= UInt64(room), byteCount <= room - Int(info.offset) else {
            throw failure(info.name, "\(byteCount) bytes at \(info.offset) do not lie within \(room) bytes of data")
        }
        let start = dataStart + Int(info.offset)
        return GGUF.Entry(name: info.name, type: type, shape: shape, range: start..<start + byteCount)
    }

    /// Bytes that the shape takes: whole blocks in each row. A type of the future is taken to have one bit an element at
    /// least, like the smallest that is known.
    private func byteCount(_ name: String, _ type: GGUFTensorType, _ shape: [Int]) throws -> Int {
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else { throw failure(name, "shape \(shape) overflows") }
            count = product
        }
        guard let layout = type.layout else { return count / 8 }
        guard (shape.last ?? 1).isMultiple(of: layout.elements) else {
            throw failure(name, "rows of \(shape.last ?? 1) are not whole blocks of \(type), \(layout.elements) each")
        }
        let (bytes, overflow) = (count / layout.elements).multipliedReportingOverflow(by: layout.bytes)
        guard !overflow else { throw failure(name, "shape \(shape) overflows") }
        return bytes
    }

    private func checkOverlap(_ ordered: [GGUF.Entry]) throws {
        for (before, entry) in zip(ordered, ordered.dropFirst())
        where entry.range.lowerBound < before.range.upperBound {
            let first = min(before.name, entry.name)
            let second = max(before.name, entry.name)
            throw failure(second, "it shares bytes with \(first)")
        }
    }

    private func failure(_ name: String, _ reason: String) -> ModelError {
        .malformedGGUF(file: file, reason: "tensor \(name): \(reason)")
    }
}
