import Crypto

/// A file of tensors behind a header.
protocol WeightFile: Sendable {
    var file: MappedFile { get }
    /// Bytes before the first tensor: they identify the layout of the file.
    var headerBytes: Int { get }
}

/// Who a checkpoint is: its name and the hash of its weights.
extension ModelCard {
    /// `family`: what the card says of the architecture.
    init(_ checkpoint: Checkpoint, family: String, quantization: LoadOptions.Quantization) {
        self.init(
            name: Self.name(ofFolder: checkpoint.folder), family: family,
            weightsHash: Self.weightsHash(checkpoint.files), quantization: quantization,
            parameterCount: checkpoint.parameterCount,
            created: checkpoint.files.map(\.file.modified).max() ?? 0)
    }

    init(_ gguf: GGUF, family: String, quantization: LoadOptions.Quantization) {
        self.init(
            name: Self.name(ofFolder: gguf.file.path), family: family, weightsHash: Self.weightsHash([gguf]),
            quantization: quantization, parameterCount: gguf.parameterCount, created: gguf.file.modified)
    }

    /// The folder's name, or owner/name when the folder is a snapshot in a hub cache
    /// (`models--owner--name/snapshots/revision`); the name of a GGUF file without its ending.
    public static func name(ofFolder folder: String) -> String {
        let ending = ".gguf"
        if folder.hasSuffix(ending), let file = folder.dropLast(ending.count).split(separator: "/").last {
            return String(file)
        }
        let parts = folder.split(separator: "/").filter { $0 != "." }.map(String.init)
        let prefix = "models--"
        if parts.count >= 3, parts[parts.count - 2] == "snapshots", parts[parts.count - 3].hasPrefix(prefix) {
            return joining(parts[parts.count - 3].dropFirst(prefix.count))
        }
        return parts.last ?? folder
    }

    private static func joining(_ name: Substring) -> String {
        var characters = Array(name)
        for index in characters.indices.dropLast() where characters[index] == "-" && characters[index + 1] == "-" {
            characters.replaceSubrange(index...index + 1, with: ["/"])
            break
        }
        return String(characters)
    }

    /// Hashed in full up to this size, sampled beyond: reading 16 GB at every start would take longer than a caption.
    static let fullyHashedBytes = 64 << 20

    /// Bytes of each sample, and how many are spread evenly over the data of a large file.
    private static let sampleBytes = 4096
    private static let samples = 1024

    /// SHA-256 over each weight file's name and size, then its contents; of a file above 64 MiB the whole header, its
    /// first and last bytes and 1,024 samples of 4 KiB, spread evenly, stand for the contents.
    ///
    /// Tells checkpoints and revisions apart, also those that differ in a few steps of training (every tensor
    /// changes); it does not notice a deliberate change between the samples.
    static func weightsHash(_ files: [any WeightFile]) -> String {
        var hasher = SHA256()
        for (file, headerBytes) in files.map({ ($0.file, $0.headerBytes) }) {
            let name = file.path.split(separator: "/").last ?? ""
            hasher.update(data: Array("\(name) \(file.byteCount)\n".utf8))
            if file.byteCount <= fullyHashedBytes {
                hasher.update(bufferPointer: file.bytes)
            } else {
                hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: file.bytes[..<headerBytes]))
                let room = file.byteCount - headerBytes - sampleBytes
                for sample in 0..<samples where room > 0 {
                    let start = headerBytes + room * sample / (samples - 1)
                    hasher.update(
                        bufferPointer: UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + sampleBytes]))
                }
            }
            // What was looked at here is not what will be used.
            file.release(0..<file.byteCount)
        }
        return ContentHash(hasher.finalize()).description
    }
}
