import Foundation

@testable import ComputeCUDA

/// NVIDIA's libraries where `.ci/cuda-libraries` puts them, or where DOCENT_CUDA_PATH says.
enum CUDAFiles {
    static let libraries = CUDALibraries(LibrarySearch(environment: environment))

    /// The front of cuDNN, of which no function may be called where the rest is not.
    static let cudnnFront = Result { () throws(CUDAError) in
        try SymbolTable.cudnn.open(LibrarySearch(environment: environment).candidates(for: .cudnn))
    }

    static func isThere<Table>(_ library: Result<OpenedLibrary<Table>, CUDAError>) -> Bool {
        (try? library.get()) != nil
    }

    /// Names that the library exports, written down from version 13.0.88, 13.1.0.3 or 9.19.0.56, and from cuda.h 13.0.
    static func exports(of library: CUDALibrary) throws -> Set<String> {
        let file = fixtures.appending(path: "\(library == .driver ? "driver" : library.rawValue).txt")
        return Set(try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init))
    }

    private static let fixtures = URL(filePath: #filePath).appending(path: "../../Fixtures/cuda").standardized

    private static var environment: [String: String] {
        var environment = ProcessInfo.processInfo.environment
        if environment["DOCENT_CUDA_PATH"] == nil {
            let cache =
                environment["DOCENT_CI_CACHE"] ?? (environment["HOME"] ?? "") + "/.cache/docent-ci"
            environment["DOCENT_CUDA_PATH"] = cache + "/cuda"
        }
        return environment
    }
}
