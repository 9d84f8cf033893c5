import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Vector instructions that the kernels are compiled for.
enum InstructionSet: String, CaseIterable {
    case portable, avx2, avx512

    private var code: docent_instructions {
        switch self {
        case .portable: docent_portable
        case .avx2: docent_avx2
        case .avx512: docent_avx512
        }
    }

    /// What this machine can run, the plainest first.
    static var available: [InstructionSet] { allCases.filter { docent_has($0.code) } }

    /// `DOCENT_CPU` (portable, avx2, avx512) where it names one this machine has, else the widest.
    static var preferred: InstructionSet {
        let wish = getenv("DOCENT_CPU").flatMap { InstructionSet(rawValue: String(cString: $0)) }
        return available.last { $0 == wish } ?? available.last ?? .portable
    }

    /// The kernels compiled for these instructions, or the portable ones where the machine lacks them.
    var kernels: docent_kernels {
        guard let table = docent_kernels_for(code) ?? docent_kernels_for(docent_portable) else {
            preconditionFailure("the portable kernels run everywhere")
        }
        return table.pointee
    }
}
