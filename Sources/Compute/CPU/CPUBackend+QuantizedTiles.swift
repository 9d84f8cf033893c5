import CKernels

extension CPUBackend {
    /// Rows from which on widening the weights for all of them pays.
    private static let fewestTiledRows = 32
    /// Slack for a thread that the system puts aside for a while.
    private static let partsPerThread = 8

    /// Whether `multiplyQuantizedTiles` serves a layer; its results are those of `multiply_rows` bit for bit.
    func hasQuantizedTiles(for arguments: docent_linear) -> Bool {
        kernels.multiply_quantized_tiles != nil && arguments.type == docent_q8
            && arguments.rows >= Self.fewestTiledRows
    }

    /// Rounds and packs all rows once, then shares out blocks of rows and, where these are few, ranges of panels.
    func multiplyQuantizedTiles(_ arguments: docent_linear, of input: LinearInput) throws {
        let rows = Int(arguments.rows)
        let tile = Int(kernels.quantized_tile_rows)
        let packed = try makeTensor([Int(kernels.packed_bytes(arguments.rows, arguments.inputs))], .u8)
        try withRows(of: input) { source in
            pool.run(over: rows, step: tile, cost: rows * Int(arguments.inputs)) { range, _ in
                kernels.pack_quantized_rows(
                    source, arguments.rows, Int64(range.lowerBound), Int64(range.upperBound), packed.address)
            }
        }
        let tiles = (rows + tile - 1) / tile
        let panels = (Int(arguments.outputs) + Int(docent_panel_outputs) - 1) / Int(docent_panel_outputs)
        let blocks = (rows + Int(kernels.quantized_rows) - 1) / Int(kernels.quantized_rows)
        let ranges = min(panels, (pool.threads * Self.partsPerThread + blocks - 1) / blocks)
        pool.run(parts: blocks * ranges) { part, _ in
            let (block, range) = (part / ranges, part % ranges)
            let outputs = range * panels / ranges..<(range + 1) * panels / ranges
            withUnsafePointer(to: arguments) {
                kernels.multiply_quantized_tiles(
                    $0, packed.address, Int64(block * tiles / blocks * tile),
                    min(arguments.rows, Int64((block + 1) * tiles / blocks * tile)),
                    Int64(outputs.lowerBound) * Int64(docent_panel_outputs),
                    min(arguments.outputs, Int64(outputs.upperBound) * Int64(docent_panel_outputs)))
            }
        }
        withExtendedLifetime(packed) {}
    }
}
