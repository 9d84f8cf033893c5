import Compute
import Testing

@testable import Models

/// Sizes, limits and orders that need no checkpoint.
struct QwenVLImagesTests {
    /// With the limits that published checkpoints state, in either spelling.
    private func images(_ checkpoint: String, fewest: Int, most: Int, spelling: Int = 0) throws -> QwenVLImages {
        let generation: QwenVLConfiguration.Generation = checkpoint == CheckpointFixtures.qwen25VL ? .qwen25 : .qwen3
        let model = try QwenVLConfiguration(Settings(contentsOf: checkpoint + "/config.json"), generation)
        let (few, many) = (JSONValue.integer(fewest), JSONValue.integer(most))
        let limits: [String: JSONValue] =
            spelling == 0
            ? ["min_pixels": few, "max_pixels": many] : ["size": .object(["shortest_edge": few, "longest_edge": many])]
        let settings = Settings(
            file: "preprocessor_config.json",
            members: limits.merging(["image_mean": .number(0.5), "image_std": .number(0.5)]) { $1 })
        return try QwenVLImages(settings, model: model)
    }

    /// Height and width before and after.
    @Test(
        arguments: [
            ([480, 640], [476, 644]), ([1080, 1920], [1092, 1932]), ([100, 100], [112, 112]), ([30, 30], [56, 56]),
            ([14, 14], [56, 56]), ([42, 42], [56, 56]), ([70, 98], [56, 112]), ([3000, 4000], [2996, 4004]),
            ([10_000, 60], [9996, 56]),
        ], [0, 1])
    func `Qwen2.5-VL shows pictures in the sizes of its processor`(_ sizes: ([Int], [Int]), _ spelling: Int) throws {
        let images = try images(CheckpointFixtures.qwen25VL, fewest: 3136, most: 12_845_056, spelling: spelling)
        let found = try images.size(width: sizes.0[1], height: sizes.0[0], maxTiles: nil)
        #expect([found.height, found.width] == sizes.1)
    }

    @Test(arguments: [
        ([480, 640], [480, 640]), ([1080, 1920], [1088, 1920]), ([100, 100], [256, 256]), ([48, 2000], [64, 1984]),
        ([3000, 4000], [3008, 4000]), ([6000, 6000], [4096, 4096]),
    ])
    func `Qwen3-VL shows pictures in the sizes of its processor`(_ sizes: ([Int], [Int])) throws {
        let images = try images(CheckpointFixtures.qwen3VL, fewest: 65_536, most: 16_777_216)
        let found = try images.size(width: sizes.0[1], height: sizes.0[0], maxTiles: nil)
        #expect([found.height, found.width] == sizes.1)
    }

    @Test func `tiles are 256 tokens each, and neither limit of the checkpoint is passed`() throws {
        let images = try images(CheckpointFixtures.qwen25VL, fewest: 3136, most: 28 * 28 * 1280)
        func tokens(_ maxTiles: Int?) throws -> Int {
            let size = try images.size(width: 3000, height: 2000, maxTiles: maxTiles)
            return size.width * size.height / 784
        }
        #expect(try tokens(1) == 247 && tokens(1) == tokens(0))
        #expect(try tokens(2) > 256 && tokens(2) <= 512)
        #expect(try tokens(6) == tokens(nil) && tokens(nil) <= 1280)
        #expect(try tokens(Int.max) == tokens(nil))
        let small = try self.images(CheckpointFixtures.qwen3VL, fewest: 1 << 20, most: 1 << 22)
        let size = try small.size(width: 300, height: 300, maxTiles: 1)
        #expect(size.width * size.height >= 1 << 20)
    }

    @Test func `sides up to 200 to 1 are shown, beyond is an error that says so`() throws {
        let images = try images(CheckpointFixtures.qwen25VL, fewest: 3136, most: 12_845_056)
        #expect(try images.size(width: 2000, height: 10, maxTiles: nil).height == 28)
        for (width, height) in [(2001, 10), (10, 2001), (Int.max, 1), (1, 201)] {
            #expect(throws: ModelError.imageTooNarrow(width: width, height: height, limit: 200)) {
                try images.size(width: width, height: height, maxTiles: nil)
            }
        }
    }

    @Test func `no picture is larger than the largest that is promised`() throws {
        for (fewest, most) in [(3136, 12_845_056), (3136, 784), (100_352, 100_352), (1, 784)] where fewest <= most {
            let images = try images(CheckpointFixtures.qwen25VL, fewest: fewest, most: most)
            for maxTiles in [nil, 1, 3] {
                for long in [1, 7, 28, 100, 200, 331, 999, 5000, 60_000] {
                    for short in [1, 3, 14, 28, 57, 250, 5000] where short <= long && long <= 200 * short {
                        let size = try images.size(width: long, height: short, maxTiles: maxTiles)
                        let bytes = 3 * size.width * size.height
                        #expect(bytes <= images.mostPixelBytes(maxTiles: maxTiles), "\(long) × \(short)")
                    }
                }
            }
        }
    }

    @Test func `equal pixels in another grid are another image`() throws {
        let images = try images(CheckpointFixtures.qwen25VL, fewest: 784, most: 12_845_056)
        func grey(_ width: Int, _ height: Int) throws -> ProcessedImage {
            try images.process(
                RGBImage(width: width, height: height, pixels: [UInt8](repeating: 9, count: 3 * width * height)),
                maxTiles: nil)
        }
        let (wide, tall) = (try grey(112, 56), try grey(56, 112))
        #expect(wide.pixels == tall.pixels && wide.hash != tall.hash)
        #expect(try grey(112, 56).hash == wide.hash)
    }

    @Test func `patches are channel by channel, in squares of four`() {
        let bytes = (0..<8 * 12 * 3).map { UInt8(truncatingIfNeeded: $0) }
        let image = ProcessedImage(
            pixels: bytes, levels: ColourLevels { _, step in Float(step) }, frameCount: 1, height: 8, width: 12,
            tileRows: 0, tileColumns: 0, tokenCount: 6, hash: ContentHash(of: [0]))
        let grid = PatchGrid(rows: 4, columns: 6, merge: 2, window: nil)
        let patches = image.patches(at: grid.places, size: 2)
        let values = withExtendedLifetime(patches) { Array(patches.bytes.bindMemory(to: Float.self)) }
        #expect(values.prefix(12) == [0, 3, 36, 39, 1, 4, 37, 40, 2, 5, 38, 41])
        let first: [Float] = [
            0, 6, 72, 78, 12, 18, 84, 90, 24, 30, 96, 102, 144, 150, 216, 222, 156, 162, 228, 234, 168, 174, 240, 246,
        ]
        #expect(stride(from: 0, to: values.count, by: 12).map { values[$0] } == first)
    }

    @Test func `windows are taken one after the other, cut off at the edges`() {
        let grid = PatchGrid(rows: 12, columns: 20, merge: 2, window: 4)
        let units = [
            [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33],
            [4, 5, 6, 7, 14, 15, 16, 17, 24, 25, 26, 27, 34, 35, 36, 37], [8, 9, 18, 19, 28, 29, 38, 39],
            [40, 41, 42, 43, 50, 51, 52, 53], [44, 45, 46, 47, 54, 55, 56, 57], [48, 49, 58, 59],
        ]
        #expect(grid.units == units.flatMap { $0 })
        #expect(grid.windows == [64, 64, 32, 32, 32, 16])
        #expect(grid.places[4 * 16] == PatchGrid.Place(row: 0, column: 8))
        #expect(PatchGrid(rows: 8, columns: 8, merge: 2, window: 4).windows == [64])
    }

    @Test func `places follow the squares`() {
        let grid = PatchGrid(rows: 4, columns: 6, merge: 2, window: nil)
        let expected = [
            [0, 0], [0, 1], [1, 0], [1, 1], [0, 2], [0, 3], [1, 2], [1, 3], [0, 4], [0, 5], [1, 4], [1, 5],
            [2, 0], [2, 1], [3, 0], [3, 1], [2, 2], [2, 3], [3, 2], [3, 3], [2, 4], [2, 5], [3, 4], [3, 5],
        ]
        #expect(grid.places.map { [$0.row, $0.column] } == expected)
        #expect(grid.windows == [24] && grid.units == Array(0..<6))
    }
}
