internal import Glibc
internal import Synchronization

/// Files that are complete and on the disk, or not there.
enum DurableFile {
    private static let serial = Atomic<UInt64>(0)

    /// Writes a temporary file in `incoming`, syncs it, renames it to `path` and syncs the folder that names it.
    static func write(_ bytes: [UInt8], to path: String, by incoming: String, sync folder: String) throws {
        let number = serial.add(1, ordering: .relaxed).newValue
        let temporary = "\(incoming)/\(getpid())-\(number)"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(at: temporary) }
        do {
            defer { close(descriptor) }
            try write(bytes, to: descriptor, path: temporary)
            guard fsync(descriptor) == 0 else { throw failure(at: temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            defer { unlink(temporary) }
            throw failure(at: path)
        }
        try sync(directory: folder)
    }

    /// Makes a folder unless it is there, durably: whoever made it may not have come to its sync.
    static func makeDirectory(_ path: String) throws {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure(at: path) }
        try sync(directory: path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 })
    }

    static func sync(directory: String) throws {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(at: directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(at: directory) }
    }

    static func size(of path: String) -> Int? {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// All bytes of a file, nil if there is none.
    static func contents(of path: String) throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(at: path)
        }
        defer { close(descriptor) }
        let capacity = (size(of: path) ?? 0) + 1
        var bytes: [UInt8] = []
        while true {
            let chunk = try [UInt8](unsafeUninitializedCapacity: max(capacity - bytes.count, 4096)) { buffer, count in
                let got = read(descriptor, buffer.baseAddress, buffer.count)
                guard got >= 0 else { throw failure(at: path) }
                count = got
            }
            guard !chunk.isEmpty else { return bytes }
            bytes += chunk
        }
    }

    static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { throw failure(at: path) }
            rest = rest.dropFirst(max(count, 0))
        }
    }

    static func failure(at path: String) -> JobStoreError {
        switch errno {
        case ENOSPC, EDQUOT: .diskFull(path: path)
        case EACCES, EPERM, EROFS: .notWritable(path: path, reason: systemMessage(errno))
        default: .inputOutput(path: path, detail: systemMessage(errno))
        }
    }
}
