import Models

/// What a step does when not everything can be done at once: one slice of an image's encoding, or one pass over the
/// decoder's weights, never both, so that nobody waits for two things.
///
/// There are two kinds of work. *Beginning* brings sequences to their first token: slices of their images, chunks of their
/// prompts. *Writing* gives every decoding sequence its next token. Time is divided twice: between beginning and writing, and
/// of the beginning between interactive and bulk sequences.
extension Scheduler {
    /// Beginning's parts of the time for one of writing's: as much as writing while somebody waits for the next word of
    /// an answer. Otherwise as much as keeps batches full, since a pass costs nearly the same for one sequence as for
    /// four: writing goes on, but slowly enough for company to come.
    static func partsOfBeginning(besideInteractiveWriting: Bool) -> Int { besideInteractiveWriting ? 1 : 7 }
    /// Interactive beginning's parts of the time for one of bulk beginning's.
    static let partsOfInteractiveBeginning = 7
    /// Tokens of a chunk whose logits are wanted too: each has a row as wide as the vocabulary, 20 MB for 32 of Qwen's.
    static let mostPredictingTokens = 32

    /// What sequences of one priority could do next on their way to their first tokens.
    private struct Beginning {
        var slice: StepPlan.Encode?
        var hasChunk = false

        var isPossible: Bool { slice != nil || hasChunk }
    }

    mutating func planTurn(_ plan: inout StepPlan, _ isEncoded: (ContentHash) -> Bool) {
        let decoding = running.filter(\.isDecoding)
        let budget = maxBatchTokens - decoding.count
        let interactive = beginning(of: .interactive, budget, isEncoded)
        let bulk = beginning(of: .bulk, budget, isEncoded)
        let isBulkNext = bulkShare.isSecondNext(
            first: interactive.isPossible, second: bulk.isPossible, parts: Self.partsOfInteractiveBeginning)
        let next = isBulkNext ? bulk : interactive
        let isWritingNext = writingShare.isSecondNext(
            first: next.isPossible, second: !decoding.isEmpty,
            parts: Self.partsOfBeginning(besideInteractiveWriting: decoding.contains { $0.priority == .interactive }))
        if !isWritingNext { plan.beginning = isBulkNext ? .bulk : .interactive }
        // A prompt need not wait for all the images that came before it, nor an image for all prompts.
        if let slice = next.slice, !isWritingNext, wasChunkLast || !next.hasChunk {
            plan.encode = slice
            wasChunkLast = false
        } else {
            plan.runs = decoding.map { run(of: $0, count: 1) }
            if let priority = plan.beginning {
                plan.runs += chunks(of: priority, budget, isEncoded)
                wasChunkLast = true
            }
        }
    }

    /// Notes how long the device took over `plan`.
    mutating func record(_ plan: StepPlan, took time: Duration) {
        let writing = plan.decodePart(of: time)
        writingShare.note(first: time - writing, second: writing)
        switch plan.beginning {
        case .interactive: bulkShare.note(first: time - writing)
        case .bulk: bulkShare.note(second: time - writing)
        case nil: break
        }
    }

    /// `budget`: tokens that a pass has for chunks.
    private func beginning(
        of priority: Priority, _ budget: Int, _ isEncoded: (ContentHash) -> Bool
    ) -> Beginning {
        var beginning = Beginning()
        for sequence in running where sequence.priority == priority && !sequence.isDecoding {
            if !beginning.hasChunk { beginning.hasChunk = isChunkReady(of: sequence, budget, isEncoded) }
            if beginning.slice == nil, let image = firstImageToEncode(of: sequence, isEncoded) {
                beginning.slice = .init(image: image, sequence: sequence.id)
            }
        }
        return beginning
    }

    private func firstImageToEncode(
        of sequence: TokenSequence, _ isEncoded: (ContentHash) -> Bool
    ) -> ContentHash? {
        let ahead = sequence.computed..<sequence.tokens.count
        return sequence.images.first { !$0.rows(in: ahead).isEmpty && !isEncoded($0.image) }?.image
    }

    // MARK: Chunks

    /// A chunk cut short by an image that is not encoded yet would cost a pass over the weights of its own.
    private func isChunkReady(
        of sequence: TokenSequence, _ budget: Int, _ isEncoded: (ContentHash) -> Bool
    ) -> Bool {
        let chunk = sequence.computed..<sequence.computed + chunkLength(of: sequence, budget)
        return sequence.images.allSatisfy { $0.rows(in: chunk).isEmpty || isEncoded($0.image) }
    }

    /// Tokens of the next chunk, `budget` of them at most, but for an image that must be taken whole and is longer.
    private func chunkLength(of sequence: TokenSequence, _ budget: Int) -> Int {
        let start = sequence.computed
        let most = sequence.wantsPromptLogits ? min(budget, Self.mostPredictingTokens) : budget
        let end = start + min(sequence.remaining, most)
        guard keepsImagesWhole, let (first, last) = sequence.image(cutAt: end) else { return end - start }
        return first > start ? first - start : last + 1 - start
    }

    private func chunks(
        of priority: Priority, _ budget: Int, _ isEncoded: (ContentHash) -> Bool
    ) -> [StepPlan.Run] {
        var runs: [StepPlan.Run] = []
        var left = budget
        for sequence in running where sequence.priority == priority && !sequence.isDecoding && left > 0 {
            guard isChunkReady(of: sequence, budget, isEncoded) else { continue }
            let count = chunkLength(of: sequence, left)
            guard count <= left || runs.isEmpty else { continue }
            // One at a time: see `mostPredictingTokens`.
            if sequence.wantsPromptLogits, runs.contains(where: { !$0.predictingPrompt.isEmpty }) { continue }
            runs.append(run(of: sequence, count: count))
            left -= count
        }
        return runs
    }

    private func run(of sequence: TokenSequence, count: Int) -> StepPlan.Run {
        let positions = sequence.computed..<sequence.computed + count
        var features: [StepPlan.FeatureSlice] = []
        if positions.lowerBound < sequence.promptCount {
            for span in sequence.images {
                let rows = span.rows(in: positions)
                if rows.isEmpty { continue }
                let offsets = span.positions[rows].map { Int32($0 - positions.lowerBound) }
                features.append(.init(image: span.image, rows: rows, offsets: offsets))
            }
        }
        return StepPlan.Run(
            sequence: sequence.id, positions: positions, tokens: Array(sequence.tokens[positions]),
            grid: sequence.grid, features: features, pages: sequence.pages, wantsLogits: count == sequence.remaining,
            isDecode: sequence.isDecoding, predictingPrompt: sequence.predictingPrompt(in: positions))
    }
}
