/// A GPU as its driver describes it.
public struct DeviceDescription: Sendable, Equatable, Encodable {
    /// Its number: `cuda:0` is the first.
    public var index: Int
    /// "NVIDIA H100 80GB HBM3".
    public var name: String
    public var uuid: String
    /// Compute capability, 9 and 0 for an H100.
    public var major: Int
    public var minor: Int
    public var memoryBytes: Int
    public var multiprocessors: Int
    /// Of one block, at most.
    public var sharedBytes: Int

    /// Nil when docent's kernels run on it.
    var unsuitable: CUDAError? {
        major >= 8 ? nil : .deviceTooOld(name: name, capability: "\(major).\(minor)")
    }

    /// What NVRTC compiles for: `sm_90a` has instructions that `sm_90` lacks.
    var architecture: String { "sm_\(major)\(minor)" + (major == 9 && minor == 0 ? "a" : "") }
}
