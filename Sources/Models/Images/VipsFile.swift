import CVips

/// One encoded file, read through the libvips loader of its format. The only Swift that calls libvips.
struct VipsFile {
    let bytes: [UInt8]
    let format: ImageFormat
    let limits: ImageLimits
    let name: String

    /// Nil when libvips cannot be used.
    static var libraryVersion: String? { cvips_start() ? String(cString: cvips_version()) : nil }

    func header() throws(ImageError) -> ImageHeader {
        try read { _, header throws(ImageError) in try describe(header) }
    }

    /// The first frame, upright.
    func decode() throws(ImageError) -> RGBImage {
        try read { image, header throws(ImageError) in
            let orientation = try describe(header).orientation
            return try pixels(of: image, header).map(orientation.turnUpright)
        }
    }

    /// What `body` makes of the file's open image; it returns nil when libvips fails.
    ///
    /// libvips keeps one text of errors for all threads. A file that fails is therefore read once more while no other
    /// is: only then is what stands there about this file.
    private func read<Result>(
        _ body: (OpaquePointer, cvips_header) throws(ImageError) -> Result?
    ) throws(ImageError) -> Result {
        guard cvips_start() else {
            throw .unreadable(name: name, cause: "libvips, which reads pictures, cannot be used: \(takeErrors())")
        }
        guard cvips_has_loader(loader) else {
            throw .unsupported(name: name, found: "\(format), which this build of libvips cannot read")
        }
        try checkEffort()
        if let result = try begun(alone: false, { () throws(ImageError) in try opened(body) }) { return result }
        return try begun(alone: true) { () throws(ImageError) in
            guard let result = try opened(body) else { throw failure() }
            return result
        }
    }

    /// Runs `work` beside other files or, when `alone`, while no other file is read.
    private func begun<Result>(
        alone: Bool, _ work: () throws(ImageError) -> Result
    ) throws(ImageError) -> Result {
        cvips_begin(alone)
        defer { cvips_end(alone) }
        return try work()
    }

    /// Runs `body` on the file's open image; nil when libvips cannot open it or `body` gives nil. libvips reads `bytes`
    /// in place, so nothing of the image may outlive the call.
    private func opened<Result>(
        _ body: (OpaquePointer, cvips_header) throws(ImageError) -> Result?
    ) throws(ImageError) -> Result? {
        try bytes.withUnsafeBufferPointer { bytes throws(ImageError) in
            var header = cvips_header()
            guard let image = cvips_open(loader, bytes.baseAddress, bytes.count, &header) else { return nil }
            defer { cvips_close(image) }
            return try body(image, header)
        }
    }

    private var loader: String {
        switch format {
        case .jpeg: "jpegload_buffer"
        case .png: "pngload_buffer"
        case .webp: "webpload_buffer"
        case .gif: "gifload_buffer"
        case .tiff: "tiffload_buffer"
        case .heic, .avif: "heifload_buffer"
        case .bmp: preconditionFailure("libvips 8.14 has no BMP loader of its own; BMPFile reads them")
        }
    }

    private func describe(_ header: cvips_header) throws(ImageError) -> ImageHeader {
        let (width, height) = (Int(header.width), Int(header.height))
        try limits.check(width: width, height: height, format: format, name: name)
        return ImageHeader(
            format: format, width: width, height: height,
            orientation: ImageOrientation(rawValue: Int(header.orientation)) ?? .upright, frames: Int(header.pages))
    }

    /// Refuses files whose structure would cost far more than their pixels.
    private func checkEffort() throws(ImageError) {
        if format == .jpeg, JPEGStructure(bytes).scans > JPEGStructure.maxScans {
            throw .tooLarge(
                name: name, found: "a JPEG of more than \(JPEGStructure.maxScans) scans",
                limit: "\(JPEGStructure.maxScans) scans", flag: nil)
        }
        if format == .tiff, TIFFStructure(bytes).pages > TIFFStructure.maxPages {
            throw .tooLarge(
                name: name, found: "a chain of more than \(TIFFStructure.maxPages) TIFF directories",
                limit: "\(TIFFStructure.maxPages) pages", flag: nil)
        }
    }

    /// All pixels of `image`, as stored, in RGB; nil when libvips cannot decode them.
    private func pixels(of image: OpaquePointer, _ header: cvips_header) throws(ImageError) -> RGBImage? {
        let layout = try layout(of: header)
        let (width, height) = (Int(header.width), Int(header.height))
        let stripRows = max(1, min(height, Self.stripBytes / (width * layout.bytesPerPixel)))
        let strip = UnsafeMutableRawPointer.allocate(
            byteCount: stripRows * width * layout.bytesPerPixel, alignment: MemoryLayout<UInt16>.alignment)
        defer { strip.deallocate() }
        var isComplete = true
        let rgb = [UInt8](unsafeUninitializedCapacity: width * height * 3) { target, initialized in
            for top in stride(from: 0, to: height, by: stripRows) {
                let rows = min(stripRows, height - top)
                guard cvips_read_rows(image, Int32(top), Int32(rows), strip) else {
                    isComplete = false
                    return
                }
                layout.convert(strip, count: rows * width, to: target.baseAddress! + initialized)
                initialized += rows * width * 3
            }
        }
        return isComplete ? RGBImage(width: width, height: height, pixels: rgb) : nil
    }

    /// Rows are decoded and converted in strips of about this size, so that only RGB is ever held whole.
    private static let stripBytes = 1 << 20

    private func layout(of header: cvips_header) throws(ImageError) -> SampleLayout {
        let colour: SampleLayout.Colour
        switch header.colour {
        case CVIPS_GREY: colour = .grey
        case CVIPS_RGB: colour = .rgb
        case CVIPS_CMYK: colour = .cmyk
        case CVIPS_WIDE: throw .unsupported(name: name, found: "a \(format) of signed or 32-bit integer samples")
        default: throw .unsupported(name: name, found: "a \(format) of floating-point, Lab or multispectral samples")
        }
        let bands = Int(header.bands)
        let ignoresExtra = format == .tiff && TIFFStructure(bytes).hasUnspecifiedExtra
        return SampleLayout(
            colour: colour, bands: bands, sampleBytes: Int(header.sample_bytes),
            hasAlpha: bands > colour.rawValue && colour != .cmyk && !ignoresExtra)
    }

    private func failure() -> ImageError {
        let cause = takeErrors()
        return ContainerExtent.endsEarly(bytes, format: format)
            ? .truncated(name: name, format: format, cause: cause)
            : .corrupt(name: name, format: format, cause: cause)
    }

    /// libvips' text in one line of printable characters.
    private func takeErrors() -> String {
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
            cvips_take_errors(buffer.baseAddress, buffer.count)
            return String(cString: buffer.baseAddress!)
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { $0.isASCII && $0 >= " " } }
        return lines.isEmpty ? "libvips gives no reason" : lines.joined(separator: "; ")
    }
}
