import CCUDA

/// What of CUDA is on this machine, and what keeps it from being used.
public struct CUDASurvey: Sendable, Encodable {
    public struct Library: Sendable, Encodable {
        public var name: String
        public var purpose: String
        /// Nil when it cannot be used; `problem` says why.
        public var path: String?
        public var version: String?
        public var problem: String?
    }

    public var libraries: [Library]
    public var devices: [DeviceDescription]
    /// Why nothing can be computed with CUDA here; nil when it can.
    public var problem: String?

    /// Looks at this machine; touches the driver, but no device's memory.
    public init(environment: [String: String]) { self.init(CUDALibraries(LibrarySearch(environment: environment))) }

    init(_ libraries: CUDALibraries) {
        let driver = Result { () throws(CUDAError) in try CUDADriver(libraries) }
        self.libraries = [
            Library(.driver, libraries.driver) { _ in (try? driver.get())?.version },
            Library(.nvrtc, libraries.nvrtc) { $0.version },
            Library(.cublasLt, libraries.cublasLt) { $0.version },
            Library(.cudnn, libraries.cudnn) { $0.version },
        ]
        do {
            devices = try driver.get().devices()
            _ = try libraries.nvrtc.get()
            // The newest serves as well as the first: one that can be used is enough.
            if let failure = devices.first.map(\.unsuitable), devices.allSatisfy({ $0.unsuitable != nil }) {
                problem = failure?.description
            }
        } catch {
            devices = (try? driver.get().devices()) ?? []
            problem = error.description
        }
    }
}

extension CUDASurvey {
    /// For people: a line for each library and device, and why CUDA is not used.
    public var report: [String] {
        libraries.map { library in
            let version = library.version.map { " " + $0 } ?? ""
            return library.path.map { "\(library.name)\(version) at \($0) (\(library.purpose))" }
                ?? "\(library.name) is missing (\(library.purpose)): \(library.problem ?? "")"
        }
            + devices.map { device in
                "cuda:\(device.index) is \(device.name), \(device.uuid): compute capability \(device.major).\(device.minor), "
                    + "\(device.memoryBytes >> 20) MiB, \(device.multiprocessors) multiprocessors"
            }
            + [problem.map { "not used: \($0)" } ?? "can be used"]
    }
}

extension CUDASurvey.Library {
    fileprivate init<Table>(
        _ library: CUDALibrary, _ opened: Result<OpenedLibrary<Table>, CUDAError>,
        version: (OpenedLibrary<Table>) -> String?
    ) {
        (name, purpose) = (library.rawValue, library.purpose)
        switch opened {
        case .success(let opened): (path, self.version) = (opened.path, version(opened))
        case .failure(let error): problem = error.description
        }
    }
}
