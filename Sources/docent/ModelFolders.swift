import FoundationEssentials
import ModelHub

/// Where checkpoints are looked for.
struct ModelFolders {
    let environment: [String: String]

    /// Folders with a config.json, and GGUF files.
    var all: [String] {
        var found: [String] = []
        if let bundled = try? DefaultModel.folder() { found.append(bundled) }
        if let home = environment["DOCENT_HOME"] {
            for entry in entries(of: home + "/models") {
                found += isCheckpoint(entry) ? [entry] : entries(of: entry).filter(isCheckpoint)
            }
        }
        for snapshot in HubCache(environment: environment).snapshots {
            found += isCheckpoint(snapshot) ? [snapshot] : []
            found += files(in: snapshot, depth: 2)
        }
        return found
    }

    private func isCheckpoint(_ path: String) -> Bool {
        isFile(path + "/config.json") || path.hasSuffix(".gguf") && isFile(path)
    }

    /// GGUF files, also those in folders of their own (one for each quantisation).
    private func files(in folder: String, depth: Int) -> [String] {
        entries(of: folder).flatMap { entry in
            if entry.hasSuffix(".gguf") { return isFile(entry) ? [entry] : [] }
            return depth > 1 ? files(in: entry, depth: depth - 1) : []
        }
    }

    private func isFile(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder
    }

    private func entries(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().map { folder + "/" + $0 }
    }
}
