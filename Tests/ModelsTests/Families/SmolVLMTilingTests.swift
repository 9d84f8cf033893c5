import Testing

@testable import Models

struct SmolVLMTilingTests {
    /// Sizes computed by transformers' processor: picture, then (longest edge, frame) → fitted, stretched, frames.
    @Test(arguments: [
        (640, 480, 2048, 512, 2048, 1536, 2048, 1536, 13), (1000, 300, 2048, 512, 2048, 614, 2048, 1024, 9),
        (100, 100, 2048, 512, 2048, 2048, 2048, 2048, 17), (1920, 1080, 2048, 512, 2048, 1152, 2048, 1536, 13),
        (1000, 999, 2048, 512, 2048, 2046, 2048, 2048, 17), (3000, 100, 2048, 512, 2048, 68, 2048, 512, 5),
        (640, 480, 1536, 384, 1536, 1152, 1536, 1152, 13), (1000, 300, 1536, 384, 1536, 460, 1536, 768, 9),
        (3000, 100, 1536, 384, 1536, 52, 1536, 384, 5), (1920, 1080, 1456, 364, 1456, 820, 1456, 1092, 13),
        (1000, 300, 1456, 364, 1456, 436, 1456, 728, 9), (3000, 100, 1456, 364, 1456, 48, 1456, 364, 5),
    ])
    func `sizes agree with the reference`(
        _ width: Int, _ height: Int, _ edge: Int, _ frame: Int, _ fittedWidth: Int, _ fittedHeight: Int,
        _ stretchedWidth: Int, _ stretchedHeight: Int, _ frames: Int
    ) {
        for turned in [false, true] {
            func size(_ width: Int, _ height: Int) -> SmolVLMTiling.Size {
                turned ? .init(width: height, height: width) : .init(width: width, height: height)
            }
            let tiling = SmolVLMTiling(of: size(width, height), longestEdge: edge, frame: frame, split: true)
            #expect(tiling.fitted == size(fittedWidth, fittedHeight))
            #expect(tiling.stretched == size(stretchedWidth, stretchedHeight))
            #expect(tiling.frameCount == frames)
        }
    }

    @Test func `a limit of tiles is kept at every shape, and 1 keeps the picture whole`() {
        for (width, height) in [(640, 480), (100, 100), (3000, 100), (100, 3000), (1, 1), (5000, 4000)] {
            let picture = SmolVLMTiling.Size(width: width, height: height)
            var last = 0
            for limit in 1...17 {
                let tiling = SmolVLMTiling.fitting(picture, longestEdge: 2048, frame: 512, split: true, maxTiles: limit)
                let tiles = tiling.rows * tiling.columns
                #expect(tiles <= limit && tiles >= last, "\(width) × \(height), at most \(limit)")
                last = tiles
            }
            let whole = SmolVLMTiling.fitting(picture, longestEdge: 2048, frame: 512, split: true, maxTiles: 1)
            #expect(whole == SmolVLMTiling(of: picture, longestEdge: 2048, frame: 512, split: false))
            #expect(whole.frameCount == 1 && whole.rows == 0)
            let free = SmolVLMTiling.fitting(picture, longestEdge: 2048, frame: 512, split: true, maxTiles: 99)
            #expect(free == SmolVLMTiling(of: picture, longestEdge: 2048, frame: 512, split: true))
        }
    }

    @Test func `a checkpoint that does not split is never made to`() {
        let picture = SmolVLMTiling.Size(width: 640, height: 480)
        let tiling = SmolVLMTiling.fitting(picture, longestEdge: 2048, frame: 512, split: false, maxTiles: 16)
        #expect(tiling.frameCount == 1)
    }

    struct PixelGolden: Decodable {
        var edge, frame, width, height, seed, rows, columns, frames: Int
        var split: Bool
        var sha256: String
    }

    /// 96 pictures: 16 sizes from 1 × 1 to 300 × 10, three settings, with and without tiles.
    @Test func `pixel values equal those of the Pillow-based processor exactly`() throws {
        let goldens = try CheckpointFixtures.decode([PixelGolden].self, from: "pixels.json")
        #expect(goldens.count == 96)
        for golden in goldens {
            var model = try SmolVLMConfiguration(Settings(contentsOf: CheckpointFixtures.smolVLM + "/config.json"))
            model.imageSize = golden.frame
            let settings = Settings(
                file: "preprocessor_config.json",
                members: [
                    "size": .object(["longest_edge": .integer(golden.edge)]),
                    "max_image_size": .object(["longest_edge": .integer(golden.frame)]),
                    "do_image_splitting": .boolean(golden.split), "resample": .integer(1),
                    "image_mean": .number(0.5), "image_std": .number(0.5),
                    "rescale_factor": .number(0.00392156862745098),
                ])
            let picture = DrawnPicture.image(width: golden.width, height: golden.height, seed: golden.seed)
            let image = try SmolVLMImageProcessor(settings, model: model).process(picture, maxTiles: nil)
            let what = "\(golden)"
            #expect(image.tileRows == golden.rows && image.tileColumns == golden.columns, "\(what)")
            #expect(image.frameCount == golden.frames, "\(what)")
            #expect(hash(of: image.normalised) == golden.sha256, "\(what)")
        }
    }
}
