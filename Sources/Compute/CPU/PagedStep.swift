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
    private let layer: Int
    private let heads: Int
    private let sequences: [BatchLayout.Sequence]
    /// The pages of all sequences one after another, at an address that the kernels can keep.
    private let pages: Tensor

    private static let tokensPerPart = 128
    private static let rowsPerPart = 64

    private var shape: KVCacheShape { cache.shape }
    private var headSize: Int { shape.headSize }
    private var group: Int { heads / shape.kvHeads }
    private var pageStride: Int { shape.kvHeads * shape.pageSize * headSize }

    init(
        _ backend: CPUBackend, _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int,
        layout: BatchLayout
    ) throws {
        let shape = cache.shape
        precondition(heads.isMultiple(of: shape.kvHeads), "\(heads) heads share \(shape.kvHeads) key heads")
        precondition(
            qkv.width == (heads + 2 * shape.kvHeads) * shape.headSize, "qkv rows of \(qkv.width) for \(heads) heads")
        for sequence in layout.sequences {
            precondition(
                sequence.rows.upperBound <= qkv.rows && sequence.rows.count <= sequence.contextLength,
                "rows \(sequence.rows) of \(qkv.rows) in a context of \(sequence.contextLength)")
            precondition(
                sequence.contextLength <= sequence.pages.count * shape.pageSize
                    && sequence.pages.allSatisfy { 0..<shape.pages ~= Int($0) },
                "pages \(sequence.pages) for \(sequence.contextLength) tokens")
        }
        self.backend = backend
        self.qkv = qkv
        self.angles = angles
        self.cache = cache
        self.layer = layer
        self.heads = heads
        sequences = layout.sequences
        pages = try backend.makeTensor([sequences.map(\.pages.count).reduce(0, +)], .i32)
        var next = pages.address.assumingMemoryBound(to: Int32.self)
        for sequence in sequences {
            next.update(from: sequence.pages, count: sequence.pages.count)
            next += sequence.pages.count
        }
        output = try backend.makeTensor([qkv.rows, heads * shape.headSize], .f32)
        rotated = angles == nil ? qkv : try backend.makeTensor([qkv.rows, heads * shape.headSize], .f32)
    }

    // MARK: Keys and values

    /// Rotates the queries and writes this step's keys and values to their pages.
    func store() {
        for sequence in sequences {
            let past = sequence.contextLength - sequence.rows.count
            backend.pool.run(over: sequence.rows.count, step: 1, cost: sequence.rows.count * qkv.width) { rows, _ in
                for row in rows { store(sequence.rows.lowerBound + row, at: past + row, of: sequence) }
            }
        }
    }

    private func store(_ row: Int, at position: Int, of sequence: BatchLayout.Sequence) {
        let page = Int(sequence.pages[position / shape.pageSize])
        let slot = page * pageStride + position % shape.pageSize * headSize
        let keys = qkv.row(row) + heads * headSize
        let values = keys + shape.kvHeads * headSize
        if angles != nil { rotate(qkv.row(row), row, heads: heads, into: rotated.row(row)) }
        for head in 0..<shape.kvHeads {
            let at = slot + head * shape.pageSize * headSize
            (cache.values[layer].floats + at).update(from: values + head * headSize, count: headSize)
            let key = cache.keys[layer].floats + at
            if angles == nil {
                key.update(from: keys + head * headSize, count: headSize)
            } else {
                rotate(keys + head * headSize, row, heads: 1, into: key)
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
        forEachSequence { sequence, pages in
            guard sequence.rows.count > 1 else { return }
            for start in stride(from: 0, to: sequence.rows.count, by: Self.rowsPerPart) {
                let end = min(sequence.rows.count, start + Self.rowsPerPart)
                let rows = sequence.rows.lowerBound + start..<sequence.rows.lowerBound + end
                let tokens = sequence.contextLength - (sequence.rows.count - end)
                for head in 0..<shape.kvHeads { parts.append(part(rows: rows, tokens: tokens, head, pages)) }
            }
        }
        // The last rows of a sequence see the most tokens: long parts first.
        return parts.reversed()
    }

    /// Attends sequences with one row and joins their runs.
    func attendSingleRows() throws {
        var runs: [Run] = []
        var joins: [(part: docent_attention, runs: Range<Int>)] = []
        forEachSequence { sequence, pages in
            guard sequence.rows.count == 1 else { return }
            for head in 0..<shape.kvHeads {
                let part = part(rows: sequence.rows, tokens: sequence.contextLength, head, pages)
                let firstRun = runs.count
                for first in stride(from: 0, to: sequence.contextLength, by: Self.tokensPerPart) {
                    let last = min(sequence.contextLength, first + Self.tokensPerPart)
                    runs.append(Run(part: part, tokens: first..<last))
                }
                joins.append((part, firstRun..<runs.count))
            }
        }
        guard !runs.isEmpty else { return }
        let size = group * (headSize + 2)
        let partials = try backend.makeTensor([runs.count, size], .f32)
        let cost = runs.reduce(0) { $0 + $1.tokens.count } * group * headSize
        backend.pool.run(over: runs.count, step: 1, cost: cost) { range, _ in
            for index in range {
                let run = runs[index]
                withUnsafePointer(to: run.part) {
                    backend.kernels.attend_part(
                        $0, Int64(run.tokens.lowerBound), Int64(run.tokens.upperBound), partials.row(index))
                }
            }
        }
        for join in joins {
            backend.kernels.join_parts(
                partials.row(join.runs.lowerBound), Int64(join.runs.count), Int64(group), Int64(headSize),
                join.part.output)
        }
    }

    /// Some tokens of the context of one row and key head.
    private struct Run {
        let part: docent_attention
        let tokens: Range<Int>
    }

    private func forEachSequence(_ body: (BatchLayout.Sequence, _ pages: UnsafePointer<Int32>) -> Void) {
        var start = UnsafePointer(pages.address.assumingMemoryBound(to: Int32.self))
        for sequence in sequences {
            body(sequence, start)
            start += sequence.pages.count
        }
    }

    private func part(
        rows: Range<Int>, tokens: Int, _ kvHead: Int, _ pages: UnsafePointer<Int32>
    ) -> docent_attention {
        let offset = kvHead * shape.pageSize * headSize
        var part = docent_attention()
        part.queries = UnsafePointer(rotated.row(rows.lowerBound) + kvHead * group * headSize)
        part.output = output.row(rows.lowerBound) + kvHead * group * headSize
        part.keys = UnsafePointer(cache.keys[layer].floats + offset)
        part.values = UnsafePointer(cache.values[layer].floats + offset)
        part.pages = pages
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
        part.scale = 1 / Float(headSize).squareRoot()
        return part
    }
}
