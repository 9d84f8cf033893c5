import ArgumentParser
import Models

/// What an image may ask of this process before it is refused.
struct ImageLimitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Most pixels of an image: width × height.", valueName: "n"))
    var maxImagePixels = ImageLimits().maxPixels

    @Option(help: ArgumentHelp("Longest file of an image.", valueName: "bytes"))
    var maxImageBytes = ImageLimits().maxBytes

    @Option(help: ArgumentHelp("Longest side of an image, in pixels.", valueName: "n"))
    var maxImageSide = ImageLimits().maxSide

    @Option(help: ArgumentHelp("Most times the longer side of an image may hold the shorter one.", valueName: "n"))
    var maxImageAspect = ImageLimits().maxAspectRatio

    func validate() throws {
        let given = [
            ("pixels", maxImagePixels), ("bytes", maxImageBytes), ("side", maxImageSide), ("aspect", maxImageAspect),
        ]
        for (name, value) in given where !(1...Self.most).contains(value) {
            throw ValidationError("--max-image-\(name) is \(value), expected 1 to \(Self.most).")
        }
    }

    /// More than fits in memory, and far from where sizes overflow.
    private static let most = 1 << 40

    var limits: ImageLimits {
        ImageLimits(
            maxPixels: maxImagePixels, maxBytes: maxImageBytes, maxSide: maxImageSide, maxAspectRatio: maxImageAspect)
    }
}
