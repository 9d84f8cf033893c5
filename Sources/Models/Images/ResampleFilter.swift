#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The interpolation kernels that image processors name, numbered as Pillow numbers them in `preprocessor_config.json`.
public enum ResampleFilter: Int, Sendable, CaseIterable {
    case lanczos = 1
    case bilinear = 2
    case bicubic = 3

    /// How far the kernel reaches, in source pixels at scale 1.
    var support: Double {
        switch self {
        case .bilinear: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    /// The kernel at distance `x`, in Pillow's order of operations so that the last bit agrees.
    func weight(at x: Double) -> Double {
        switch self {
        case .bilinear: max(0, 1 - abs(x))
        case .bicubic: Self.keys(abs(x))
        case .lanczos: x >= -3 && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
        }
    }

    /// Keys' cubic with a = −0.5 (IEEE ASSP 29, 1981).
    private static func keys(_ x: Double) -> Double {
        let a = -0.5
        if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
        return 0
    }

    private static func sinc(_ x: Double) -> Double {
        x == 0 ? 1 : sin(x * .pi) / (x * .pi)
    }
}

extension ResampleFilter {
    /// `resample`, a number of Pillow's.
    init(_ settings: Settings, default fallback: ResampleFilter) throws {
        let number = try settings.integer("resample", in: 0...5, default: fallback.rawValue)
        guard let filter = ResampleFilter(rawValue: number) else {
            throw settings.unsupported("resample", supported: "1 (Lanczos), 2 (bilinear), 3 (bicubic)")
        }
        self = filter
    }
}
