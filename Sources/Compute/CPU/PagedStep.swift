import CKernels

/// One call of `pagedAttention`: the shapes it was given and the parts of the work made of them.
///
/// Sequences with one row (decoding) are split along their context in runs of fixed length, so that one sequence with
/// few heads keeps all threads busy and the result depends on nothing but the context. Longer ones go in blocks of rows.
struct PagedStep {
    let output: Tensor
    private let backend: CPUBackend
    private let rotated: Tensor
    private let qkv: Tensor
    private let angles: RotaryAngles?
    private let cache: KVCache
    private let keys, values: UnsafeMutablePointer<Float>
    private let heads: Int
    private let layout: PagedLayout

    private static let tokensPerPart = 128
    private static let rowsPerPart = 64

    private var shape: KVCacheShape { cache.shape }
    private var headSize: Int { shape.headSize }
    private var seen: SeenTokens? { layout.seen }
    private var group: Int { heads / shape.kvHeads }
    private var pageStride: Int { shape.kvHeads * shape.pageSize * headSize }

    init(
        _ backend: CPUBackend, _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int,
        layout: PagedLayout
    ) throws {
        let shape = cache.shape
        precondition(heads.isMultiple(of: shape.kvHeads), "\(heads) heads share \(shape.kvHeads) key heads")
        precondition(
            qkv.width == (heads + 2 * shape.kvHeads) * shape.headSize, "qkv rows of \(qkv.width) for \(heads) heads")
        precondition(layout.sequences.allSatisfy { $0.rows.upperBound <= qkv.rows }, "rows beyond \(qkv.rows)")
        self.backend = backend
        self.qkv = qkv
        self.angles = angles
        self.cache = cache
        keys = cache.keys[layer].floats
        values = cache.values[layer].floats
        self.heads = heads
        self.layout = layout
        output = try backend.makeTensor([qkv.rows, heads * shape.headSize], .f32)
        rotated = angles == nil ? qkv : try backend.makeTensor([qkv.rows, heads * shape.headSize], .f32)
    }

    // MARK: Keys and values

    /// Rotates the queries and writes this step's keys and values to their pages.
    func store() {
        for sequence in layout.sequences {
            let past = sequence.contextLength - sequence.rows.count
            backend.pool.run(over: sequence.rows.count, step: 1, cost: sequence.rows.count * qkv.width) { rows, _ in
                for row in rows { store(sequence.rows.lowerBound + row, at: past + row, of: sequence) }
            }
        }
    }

    private func store(_ row: Int, at position: Int, of sequence: PagedLayout.Sequence) {
        let page = Int(pages(of: sequence)[position / shape.pageSize])
        let slot = page * pageStride + position % shape.pageSize * headSize
        let newKeys = qkv.row(row) + heads * headSize
        let newValues = newKeys + shape.kvHeads * headSize
        if angles != nil { rotate(qkv.row(row), row, heads: heads, into: rotated.row(row)) }
        for head in 0..<shape.kvHeads {
            let at = slot + head * shape.pageSize * headSize
            (values + at).update(from: newValues + head * headSize, count: headSize)
            let key = keys + at
            if angles == nil {
                key.update(from: newKeys + head * headSize, count: headSize)
            } else {
                rotate(newKeys + head * headSize, row, heads: 1, into: key)
            }
        }
    }

    private func rotate(
        _ vectors: UnsafePointer<Float>, _ row: Int, heads: Int, into target: UnsafeMutablePointer<Float>
    ) {
        guard let angles else { return }
        backend.kernels.rotate(
            vectors, angles.cosines.row(row), angles.sines.row(row), Int64(heads), Int64(headSize), target)
    }

    // MARK: Attention

    /// Sequences with several rows, as parts that the pool may run in any order.
    func manyRows() -> [docent_attention] {
        var parts: [docent_attention] = []
        for sequence in layout.sequences where sequence.rows.count > 1 {
            for start in stride(from: 0, to: sequence.rows.count, by: Self.rowsPerPart) {
                let end = min(sequence.rows.count, start + Self.rowsPerPart)
                let rows = sequence.rows.lowerBound + start..<sequence.rows.lowerBound + end
                let causal = sequence.contextLength - (sequence.rows.count - end)
                let tokens = seen.map { seen in rows.reduce(0) { max($0, seen.tokens(of: $1).upperBound) } } ?? causal
                for head in 0..<shape.kvHeads { parts.append(part(sequence, rows: rows, tokens: tokens, head)) }
            }
        }
        // The last rows of a sequence see the most tokens: long parts first.
        return parts.reversed()
    }

    /// Attends sequences with one row and joins their runs.
    func attendSingleRows() throws {
        let singles = layout.sequences.filter { $0.rows.count == 1 }
        var runs: [Run] = []
        var cost = 0
        for sequence in singles {
            for head in 0..<shape.kvHeads {
                for tokens in runsOfTokens(of: sequence) {
                    runs.append(Run(sequence: sequence, head: head, tokens: tokens))
                }
            }
            cost += sequence.contextLength * heads * headSize
        }
        guard !runs.isEmpty else { return }
        let partials = try backend.makeTensor([runs.count, group * (headSize + 2)], .f32)
        backend.pool.run(over: runs.count, step: 1, cost: cost) { range, _ in
            for index in range {
                let run = runs[index]
                var part = part(run.sequence, rows: run.sequence.rows, tokens: run.sequence.contextLength, run.head)
                backend.kernels.attend_part(
                    &part, Int64(run.tokens.lowerBound), Int64(run.tokens.upperBound), partials.row(index))
            }
        }
        join(singles, partials)
    }

    /// Of each sequence and head the runs follow one another.
    private func join(_ singles: [PagedLayout.Sequence], _ partials: Tensor) {
        var next = 0
        for sequence in singles {
            let runs = runsOfTokens(of: sequence).count
            for head in 0..<shape.kvHeads {
                backend.kernels.join_parts(
                    partials.row(next), Int64(runs), Int64(group), Int64(headSize),
                    output.row(sequence.rows.lowerBound) + head * group * headSize)
                next += runs
            }
        }
    }

    /// What a sequence's one row sees, in runs that depend on nothing but that.
    private func runsOfTokens(of sequence: PagedLayout.Sequence) -> [Range<Int>] {
        let tokens = seen?.tokens(of: sequence.rows.lowerBound) ?? 0..<sequence.contextLength
        return stride(from: tokens.lowerBound, to: tokens.upperBound, by: Self.tokensPerPart).map {
            $0..<min(tokens.upperBound, $0 + Self.tokensPerPart)
        }
    }

    /// Some tokens of the context of one row and key head.
    private struct Run {
        let sequence: PagedLayout.Sequence
        let head: Int
        let tokens: Range<Int>
    }

    private func pages(of sequence: PagedLayout.Sequence) -> UnsafePointer<Int32> {
        UnsafePointer(layout.pages.address.assumingMemoryBound(to: Int32.self) + sequence.firstPage)
    }

    private func part(
        _ sequence: PagedLayout.Sequence, rows: Range<Int>, tokens: Int, _ kvHead: Int
    ) -> docent_attention {
        let offset = kvHead * shape.pageSize * headSize
        var part = docent_attention()
        part.queries = UnsafePointer(rotated.row(rows.lowerBound) + kvHead * group * headSize)
        part.output = output.row(rows.lowerBound) + kvHead * group * headSize
        part.keys = UnsafePointer(keys + offset)
        part.values = UnsafePointer(values + offset)
        part.pages = pages(of: sequence)
        part.rows = Int64(rows.count)
        part.group = Int64(group)
        part.head_size = Int64(headSize)
        part.query_stride = Int64(rotated.width)
        part.output_stride = Int64(output.width)
        part.page_size = Int64(shape.pageSize)
        part.page_stride = Int64(pageStride)
        part.token_stride = Int64(headSize)
        part.tokens = Int64(tokens)
        part.causal = true
        part.starts = seen?.starts(from: rows.lowerBound)
        part.ends = seen?.ends(from: rows.lowerBound)
        part.scale = 1 / Float(headSize).squareRoot()
        return part
    }
}

extension SeenTokens {
    fileprivate func starts(from row: Int) -> UnsafePointer<Int32> {
        UnsafePointer(starts.address.assumingMemoryBound(to: Int32.self) + row)
    }

    fileprivate func ends(from row: Int) -> UnsafePointer<Int32> {
        UnsafePointer(ends.address.assumingMemoryBound(to: Int32.self) + row)
    }

    fileprivate func tokens(of row: Int) -> Range<Int> {
        Int(starts(from: row).pointee)..<Int(ends(from: row).pointee)
    }
}
