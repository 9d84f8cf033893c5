import Testing

@testable import Compute

@Suite struct FrameTests {
    @Test(arguments: [(1, 1, 1, 1, 1), (2, 3, 4, 6, 2), (1, 3, 48, 48, 16), (3, 2, 15, 10, 5)])
    func `patches equal a naive loop`(_ shape: (Int, Int, Int, Int, Int)) throws {
        let (frames, channels, height, width, size) = shape
        for variant in Variant.all {
            let backend = variant.backend
            let input = try backend.random([frames, channels, height, width], seed: size)
            let pixels = try backend.download(input)
            var expected: [Float] = []
            for frame in 0..<frames {
                for y in 0..<height / size {
                    for x in 0..<width / size {
                        for channel in 0..<channels {
                            for dy in 0..<size {
                                for dx in 0..<size {
                                    let line = (frame * channels + channel) * height + y * size + dy
                                    expected.append(pixels[line * width + x * size + dx])
                                }
                            }
                        }
                    }
                }
            }
            let found = try backend.patches(of: input, size: size)
            #expect(found.shape == [frames * (height / size) * (width / size), channels * size * size])
            #expect(try backend.download(found) == expected, "\(variant.testDescription)")
        }
    }

    @Test(arguments: [(1, 1, 1, 1), (1, 4, 2, 3), (2, 6, 3, 5), (3, 8, 4, 2)])
    func `folding neighbours equals a naive loop`(_ shape: (Int, Int, Int, Int)) throws {
        let (frames, grid, factor, width) = shape
        let side = grid / factor
        let backend = CPUBackend(threads: 2)
        let input = try backend.random([frames * grid * grid, width], seed: grid)
        let values = try backend.download(input)
        var expected: [Float] = []
        for frame in 0..<frames {
            for cell in 0..<side * side {
                for neighbour in 0..<factor * factor {
                    let y = cell / side * factor + neighbour / factor
                    let x = cell % side * factor + neighbour % factor
                    let row = (frame * grid + y) * grid + x
                    expected += values[row * width..<(row + 1) * width]
                }
            }
        }
        let found = try backend.pixelShuffle(input, grid: grid, factor: factor)
        #expect(found.shape == [frames * side * side, width * factor * factor])
        #expect(try backend.download(found) == expected)
    }
}
