extension TiledImages {
    /// Tiles as Llama Nemotron Nano VL sees them, 0 to 1: the tower normalises.
    ///
    /// Published settings (preprocessor_config.json) say how large tiles are, how many there may be, and whether the whole
    /// picture follows. The code bases that read them differ in three more points, which are settings of ours, with those of
    /// the training code and of vLLM as defaults, because features are worth most where they were trained:
    /// * `resample`, a number of Pillow's: 3 (bicubic); the hub's code takes 2 (bilinear).
    /// * `tile_selection`: "area_weighted"; "closest_ratio" is that of the second generation.
    /// * `upscale_twice`: false; one copy of the hub's code doubles pictures, at up to five times the tokens.
    init(nemotronVL settings: Settings, model: NemotronVLConfiguration) throws {
        guard try settings.boolean("do_rescale", default: true) else {
            throw settings.unsupported("do_rescale", supported: "true")
        }
        for key in ["image_mean", "image_std", "norm_mean", "norm_std"] where settings.value(key) != nil {
            throw settings.unsupported(key, supported: "null: the tower normalises")
        }
        guard try settings.integer("image_size", in: 1...4096, default: model.tile) == model.tile else {
            throw settings.failure("image_size", expected: "force_image_size \(model.tile), which config.json states")
        }
        let rules = TileGrid.Rule.allCases.map(\.rawValue)
        guard let rule = TileGrid.Rule(rawValue: try settings.string("tile_selection", default: rules[0])) else {
            throw settings.unsupported("tile_selection", supported: rules.joined(separator: ", "))
        }
        self.init(
            tile: model.tile, tokensPerTile: model.tokensPerTile,
            mostTiles: try settings.integer("max_num_tiles", in: 1...64, default: 12),
            hasThumbnail: try settings.boolean("use_thumbnail", default: true),
            filter: try ResampleFilter(settings, default: .bicubic), rule: rule,
            isDoubled: try settings.boolean("upscale_twice", default: false), levels: .plain)
    }
}
