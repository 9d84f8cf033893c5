import CCUDA

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A library that was opened and stays so, with its functions in a table of typed pointers.
final class OpenedLibrary<Table>: Sendable {
    /// Safe to share: constants of a library that is never closed.
    nonisolated(unsafe) let functions: Table
    let path: String

    init(functions: Table, path: String) {
        self.functions = functions
        self.path = path
    }
}

/// The C struct of pointers and the names that belong to it.
struct SymbolTable<Table> {
    let library: CUDALibrary
    let names: [String]

    init(_ library: CUDALibrary, names: (UnsafeMutablePointer<Int32>) -> UnsafePointer<UnsafePointer<CChar>>) {
        self.library = library
        var count: Int32 = 0
        let all = names(&count)
        self.names = (0..<Int(count)).map { String(cString: all[$0]) }
        precondition(MemoryLayout<Table>.size == self.names.count * MemoryLayout<UnsafeRawPointer>.size)
    }

    /// Fills the table; `lookUp` gives the address of a function, as `dlsym` does.
    func resolve(path: String, _ lookUp: (String) -> UnsafeMutableRawPointer?) throws(CUDAError) -> OpenedLibrary<Table>
    {
        let table = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        defer { table.deallocate() }
        let pointers = UnsafeMutableRawPointer(table)
        for (index, name) in names.enumerated() {
            guard let function = lookUp(name) else {
                throw .symbolMissing(name, library: library.rawValue, path: path)
            }
            pointers.storeBytes(
                of: function, toByteOffset: index * MemoryLayout<UnsafeRawPointer>.size,
                as: UnsafeMutableRawPointer.self)
        }
        return OpenedLibrary(functions: table.pointee, path: path)
    }

    /// Opens the first of the candidates that can be opened.
    func open(_ candidates: [String]) throws(CUDAError) -> OpenedLibrary<Table> {
        var reason = "no such file"
        for candidate in candidates {
            guard let handle = dlopen(candidate, RTLD_NOW | RTLD_GLOBAL) else {
                if let error = dlerror() { reason = String(cString: error) }
                continue
            }
            let path = names.first.flatMap { dlsym(handle, $0) }.flatMap { ccuda_file_of($0) }
            return try resolve(path: path.map { String(cString: $0) } ?? candidate) { dlsym(handle, $0) }
        }
        throw .libraryMissing(library.soname, reason: reason, places: candidates.count)
    }
}

extension SymbolTable where Table == ccuda_driver {
    static var driver: Self { Self(.driver, names: ccuda_driver_names) }
}

extension SymbolTable where Table == ccuda_nvrtc {
    static var nvrtc: Self { Self(.nvrtc, names: ccuda_nvrtc_names) }
}

extension SymbolTable where Table == ccuda_cublaslt {
    static var cublasLt: Self { Self(.cublasLt, names: ccuda_cublaslt_names) }
}

extension SymbolTable where Table == ccuda_cudnn {
    static var cudnn: Self { Self(.cudnn, names: ccuda_cudnn_names) }
}
