import FoundationEssentials

/// Where NVIDIA's libraries may lie. The first place that can be opened wins.
struct LibrarySearch: Sendable {
    let environment: [String: String]

    /// What to give to `dlopen`, in order: `DOCENT_CUDA_PATH`'s folders, the bare name (which honours LD_LIBRARY_PATH and
    /// ldconfig), the toolkit's folders, those of Python wheels, conda's, and the system's.
    func candidates(for library: CUDALibrary) -> [String] {
        let forced = folders("DOCENT_CUDA_PATH").map { $0 + "/" + library.soname }
        let searched = library == .driver ? driverFolders : toolkitFolders + wheelFolders + systemFolders
        return forced + [library.soname] + searched.map { $0 + "/" + library.soname }.filter(Self.exists)
    }

    private var driverFolders: [String] {
        ["/usr/local/nvidia/lib64", "/usr/lib/wsl/lib", "/usr/local/cuda/compat"] + systemFolders
    }

    private var toolkitFolders: [String] {
        (folders("CUDA_HOME") + folders("CUDA_PATH") + ["/usr/local/cuda"] + Self.entries(of: "/usr/local", "cuda-13"))
            .map { $0 + "/lib64" }
    }

    private var systemFolders: [String] {
        folders("CONDA_PREFIX").map { $0 + "/lib" } + ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
    }

    /// In CUDA 13's wheels all libraries but cuDNN share a folder.
    private var wheelFolders: [String] {
        sitePackages.flatMap { ["\($0)/nvidia/cu13/lib", "\($0)/nvidia/cudnn/lib", "\($0)/torch/lib"] }
    }

    /// Of the active environment, of each `python3` on PATH, and of the system's.
    private var sitePackages: [String] {
        let homes =
            folders("VIRTUAL_ENV")
            + folders("PATH").filter { Self.exists($0 + "/python3") }.map { $0 + "/.." } + ["/usr/local", "/usr"]
        return homes.flatMap { home in
            Self.entries(of: home + "/lib", "python3").flatMap { [$0 + "/site-packages", $0 + "/dist-packages"] }
        }
    }

    private func folders(_ variable: String) -> [String] {
        (environment[variable] ?? "").split(separator: ":").map(String.init)
    }

    private static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func entries(of folder: String, _ prefix: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted().map { folder + "/" + $0 }
    }
}
