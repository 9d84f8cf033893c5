/// The sources of all kernels as one program for NVRTC.
enum KernelSource {
    static var text: String {
        [
            PackageResources.kernel_arguments_h, PackageResources.prelude_h, PackageResources.rows_cu,
            PackageResources.norms_cu, PackageResources.linear_cu, PackageResources.attention_cu,
            PackageResources.paged_cu, PackageResources.images_cu,
        ].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }
}
