/// How a stored picture must be turned to stand upright: EXIF tag 0x0112, TIFF tag 274.
public enum ImageOrientation: Int, Sendable, CaseIterable {
    case upright = 1
    case mirrored, upsideDown, flipped, transposed, turnedLeft, transversed, turnedRight

    /// Whether width and height change places.
    var swapsSides: Bool { rawValue >= 5 }

    /// `image`, stored in this orientation, turned upright.
    func turnUpright(_ image: RGBImage) -> RGBImage {
        if self == .upright { return image }
        let walk = walk(width: image.width, height: image.height)
        let (width, height) = swapsSides ? (image.height, image.width) : (image.width, image.height)
        let turned = [UInt8](unsafeUninitializedCapacity: image.pixels.count) { target, initialized in
            image.pixels.withUnsafeBufferPointer { source in
                var written = 0
                for y in 0..<height {
                    var read = 3 * (walk.start + y * walk.down)
                    for _ in 0..<width {
                        target[written] = source[read]
                        target[written + 1] = source[read + 1]
                        target[written + 2] = source[read + 2]
                        written += 3
                        read += 3 * walk.right
                    }
                }
                initialized = written
            }
        }
        return RGBImage(width: width, height: height, pixels: turned)
    }

    /// Where the upright picture's first pixel is stored, and how far away its right and lower neighbours are, in pixels.
    private func walk(width: Int, height: Int) -> (start: Int, right: Int, down: Int) {
        let (lastColumn, lastRow) = (width - 1, (height - 1) * width)
        return switch self {
        case .upright: (0, 1, width)
        case .mirrored: (lastColumn, -1, width)
        case .upsideDown: (lastRow + lastColumn, -1, -width)
        case .flipped: (lastRow, 1, -width)
        case .transposed: (0, width, 1)
        case .turnedLeft: (lastRow, -width, 1)
        case .transversed: (lastRow + lastColumn, -width, -1)
        case .turnedRight: (lastColumn, width, -1)
        }
    }
}
