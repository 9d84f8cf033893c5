import FoundationEssentials

/// The checkpoint that comes with the program.
///
/// Looked up by hand instead of through `Bundle.module`, whose generated accessor ends the process when the resources are
/// not where the build left them: a binary that was copied elsewhere should say what it misses.
enum DefaultModel {
    static let name = "docent-mini"

    /// Places relative to the folder of the executable: where SwiftPM leaves resources, then where packages install them.
    private static let places = ["docent_docent.resources/\(name)", name, "../share/docent/\(name)"]

    static func folder() throws(CommandError) -> String {
        let executable = executableFolder
        let candidates = places.map { executable + "/" + $0 }
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0 + "/config.json") })
        else {
            throw .noDefaultModel(searched: candidates)
        }
        return found
    }

    private static var executableFolder: String {
        let path =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }
}
