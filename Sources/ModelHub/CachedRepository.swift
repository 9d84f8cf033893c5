import FoundationEssentials

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// One repository of the cache, as it is written.
///
/// A blob takes its name when it is complete and checked; a snapshot's links are made when all its blobs are there,
/// `config.json` last, and the reference comes after them: nobody meets half a checkpoint.
struct CachedRepository: Sendable {
    let cache: String
    /// `models--OWNER--NAME`.
    let name: String

    var folder: String { cache + "/" + name }
    /// Where Hugging Face's tools lock the blobs that they fetch.
    private var locks: String { "\(cache)/.locks/\(name)" }

    func blobPath(_ blob: BlobID) -> String { "\(folder)/blobs/\(blob.name)" }

    /// What there is of a blob: its beginning.
    func partialPath(_ blob: BlobID) -> String { blobPath(blob) + ".incomplete" }

    func lockPath(_ blob: BlobID) -> String { "\(locks)/\(blob.name).lock" }

    func snapshotPath(_ commit: String) -> String { "\(folder)/snapshots/\(commit)" }

    /// Where nobody looks for references or files. Not by process id: containers that share a cache may have the same ones.
    private var temporaryPath: String { "\(locks)/\(String(UInt64.random(in: 0 ... .max), radix: 16)).tmp" }

    /// Makes the folders that blobs and locks need.
    func prepare() throws(HubError) {
        for folder in ["\(folder)/blobs", "\(folder)/refs", "\(folder)/snapshots", locks] {
            try makeFolder(folder)
        }
    }

    /// Whether the blob is there; one of another size is not it, whatever its name.
    func holds(_ file: RemoteFile) -> Bool { size(of: blobPath(file.blob)) == file.byteCount }

    /// Bytes of `file` that still have to come.
    func missingBytes(of file: RemoteFile) -> Int {
        if holds(file) { return 0 }
        let partial = size(of: partialPath(file.blob)) ?? 0
        return partial <= file.byteCount ? file.byteCount - partial : file.byteCount
    }

    /// Bytes that may still be written to the disk; nil where the system does not tell.
    var freeBytes: Int? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    /// Gives the blobs their names in the snapshot of `commit`, and `revision` its meaning.
    func publish(_ files: [RemoteFile], commit: String, revision: String) throws(HubError) {
        let isLast = { (file: RemoteFile) in file.path == "config.json" }
        for file in files.filter({ !isLast($0) }) + files.filter(isLast) { try link(file, commit) }
        if revision != commit { try refer(revision, to: commit) }
    }

    private func link(_ file: RemoteFile, _ commit: String) throws(HubError) {
        let path = snapshotPath(commit) + "/" + file.path
        try makeFolder(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        let depth = file.path.split(separator: "/").count + 1
        let target = String(repeating: "../", count: depth) + "blobs/" + file.blob.name
        if symlink(target, path) == 0 { return }
        guard errno == EEXIST else { throw .last(at: path) }
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == target { return }
        // An older link, or a copy from a tool that makes none.
        let temporary = temporaryPath
        guard symlink(target, temporary) == 0, rename(temporary, path) == 0 else { throw .last(at: path) }
    }

    private func refer(_ revision: String, to commit: String) throws(HubError) {
        let path = "\(folder)/refs/\(revision)"
        if SmallFile.text(at: path, limit: 200) == commit { return }
        try makeFolder(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        try SmallFile.replace(path, with: commit, writingTo: temporaryPath)
    }

    private func makeFolder(_ path: String) throws(HubError) {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw .unwritable(path: path, reason: HubError.reason(access(path, W_OK) == 0 ? EEXIST : errno))
        }
    }

    private func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }
}
