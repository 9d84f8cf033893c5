import CVips

/// One encoded file, read through the libvips loader of its format. The only Swift that calls libvips.
struct VipsFile {
    let bytes: [UInt8]
    let format: ImageFormat
    let limits: ImageLimits
    let name: String

    func header() throws(ImageError) -> ImageHeader {
        try opened { _, header throws(ImageError) in try describe(header) }
    }

    /// The first frame, upright.
    func decode() throws(ImageError) -> RGBImage {
        try opened { image, header throws(ImageError) in
            let orientation = try describe(header).orientation
            return orientation.turnUpright(try pixels(of: image, header))
        }
    }

    /// Runs `body` on the file's open image. libvips reads `bytes` in place, so nothing of it may outlive the call.
    private func opened<Result>(
        _ body: (OpaquePointer, cvips_header) throws(ImageError) -> Result
    ) throws(ImageError) -> Result {
        guard cvips_start() else { throw .unreadable(name: name, cause: "libvips cannot start: \(takeErrors())") }
        guard cvips_has_loader(loader) else {
            throw .unsupported(name: name, found: "\(format), which this build of libvips cannot read")
        }
        try checkEffort()
        return try bytes.withUnsafeBufferPointer { bytes throws(ImageError) in
            var header = cvips_header()
            guard let image = cvips_open(loader, bytes.baseAddress, bytes.count, &header) else {
                throw failure()
            }
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
                limit: "\(JPEGStructure.maxScans) scans")
        }
        if format == .tiff, TIFFStructure(bytes).pages > TIFFStructure.maxPages {
            throw .tooLarge(
                name: name, found: "a chain of more than \(TIFFStructure.maxPages) TIFF directories",
                limit: "\(TIFFStructure.maxPages) pages")
        }
    }

    /// All pixels of `image`, as stored, in RGB.
    private func pixels(of image: OpaquePointer, _ header: cvips_header) throws(ImageError) -> RGBImage {
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
        guard isComplete else { throw failure() }
        return RGBImage(width: width, height: height, pixels: rgb)
    }

    /// Rows are decoded and converted in strips of about this size, so that only RGB is ever held whole.
    private static let stripBytes = 1 << 20

    private func layout(of header: cvips_header) throws(ImageError) -> SampleLayout {
        let colour: SampleLayout.Colour
        switch header.colour {
        case CVIPS_GREY: colour = .grey
        case CVIPS_RGB: colour = .rgb
        case CVIPS_CMYK: colour = .cmyk
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

    /// libvips' text in one line of printable characters. Under concurrent failures it may mention a neighbour's.
    private func takeErrors() -> String {
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
            cvips_take_errors(buffer.baseAddress, buffer.count)
            return String(cString: buffer.baseAddress!)
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { $0.isASCII && $0 >= " " } }
        return lines.isEmpty ? "libvips gives no reason" : lines.joined(separator: "; ")
    }
}
