import Models

/// Who runs in the next step, with how many tokens and in which pages.
///
/// A pure value: the engine asks for a plan, carries it out, and records what came of it. The order of service is
/// priority, then age, everywhere:
/// * every decoding sequence gets its one token in every step; what is left of the token budget goes to prefill;
/// * the first in line is admitted when a slot and pages for all its tokens are there, and nobody overtakes it;
/// * when a decoding sequence needs a page and there is none, the last in order gives its pages up and waits again;
/// * an interactive sequence that finds no room makes bulk sequences give theirs up.
struct Scheduler: Sendable {
    let pageSize: Int
    let maxSequences: Int
    let maxBatchTokens: Int
    /// Steps between two encodings of images for bulk sequences while an interactive one decodes: encoding takes as
    /// long as many decoding steps.
    static let stepsBetweenBulkEncodes = 8

    private(set) var pages: PageTable
    /// Both in order of service.
    private(set) var waiting: [TokenSequence] = []
    private(set) var running: [TokenSequence] = []
    private var stepsSinceEncode = Self.stepsBetweenBulkEncodes

    init(pages: Int, pageSize: Int, maxSequences: Int, maxBatchTokens: Int) {
        precondition(maxBatchTokens > maxSequences, "a full batch of decodes must leave room for prefill")
        self.pages = PageTable(pages: pages)
        self.pageSize = pageSize
        self.maxSequences = maxSequences
        self.maxBatchTokens = maxBatchTokens
    }

    var hasWork: Bool { !waiting.isEmpty || !running.isEmpty }

    mutating func submit(_ sequence: TokenSequence) {
        waiting.insert(sequence, at: Self.place(of: sequence, in: waiting))
    }

    /// Takes a sequence out, finished or not; its pages are free for others at once.
    mutating func remove(_ id: SequenceID) {
        if let index = running.firstIndex(where: { $0.id == id }) {
            pages.release(running[index].pages)
            running.remove(at: index)
        } else if let index = waiting.firstIndex(where: { $0.id == id }) {
            waiting.remove(at: index)
        }
    }

    /// Decides the next step. `isEncoded` tells whether an image's features are at hand.
    mutating func next(isEncoded: (ContentHash) -> Bool) -> StepPlan {
        var plan = StepPlan()
        reservePages(&plan)
        admit(&plan)
        planEncode(&plan, isEncoded)
        planRuns(&plan, isEncoded)
        return plan
    }

    /// Notes that `run` was carried out and, if it wanted logits, which token came of it.
    mutating func record(_ run: StepPlan.Run, token: Int32?) {
        guard let index = running.firstIndex(where: { $0.id == run.sequence }) else { return }
        precondition(run.wantsLogits == (token != nil), "a token comes of a run exactly when it wants logits")
        running[index].advance(by: run.tokens.count)
        rememberFullPages(ofRunning: index)
        if let token { running[index].append(token) }
    }

    // MARK: Pages and places

    /// Room for every known token of every running sequence, taken from the last in order when there is none.
    private mutating func reservePages(_ plan: inout StepPlan) {
        var index = 0
        while index < running.count {
            let needed = running[index].pagesNeeded(pageSize: pageSize)
            if needed == 0 {
                index += 1
            } else if let new = pages.allocate(needed) {
                running[index].extend(by: new)
                index += 1
            } else {
                preemptLast(&plan)
            }
        }
    }

    private mutating func preemptLast(_ plan: inout StepPlan) {
        var victim = running.removeLast()
        pages.release(victim.pages)
        victim.preempt()
        plan.preempted.append(victim.id)
        submit(victim)
    }

    private mutating func admit(_ plan: inout StepPlan) {
        while let candidate = waiting.first {
            let prefix = rememberedPrefix(of: candidate)
            guard makeRoom(for: candidate, prefix: prefix, &plan) else { return }
            precondition(waiting[0].id == candidate.id, "those who make room stand behind the one they make it for")
            var admitted = waiting.removeFirst()
            pages.retain(prefix.map(\.page))
            let rest = admitted.pagesNeeded(pageSize: pageSize) - prefix.count
            guard let new = pages.allocate(rest) else { preconditionFailure("room was made but is not there") }
            admitted.admit(reusing: prefix, then: new, pageSize: pageSize)
            running.insert(admitted, at: Self.place(of: admitted, in: running))
            plan.admitted.append(.init(sequence: admitted.id, reusedTokens: admitted.computed))
        }
    }

    /// The longest run of remembered pages that `sequence` begins with, always short of its last token: that one must
    /// be computed, because its logits are needed.
    private func rememberedPrefix(of sequence: TokenSequence) -> [PageTable.Content] {
        var prefix: [PageTable.Content] = []
        let limit = (sequence.tokens.count - 1) / pageSize
        while prefix.count < limit {
            let parent = prefix.last?.number ?? PageKey.root
            let key = sequence.key(ofPage: prefix.count, pageSize: pageSize, parent: parent)
            guard let content = pages.content(for: key) else { break }
            prefix.append(content)
        }
        return prefix
    }

    /// Whether `candidate` can be admitted now, after preempting sequences of lower priority if that helps.
    private mutating func makeRoom(
        for candidate: TokenSequence, prefix: [PageTable.Content], _ plan: inout StepPlan
    ) -> Bool {
        if fits(candidate, prefix, beside: running.count, available: pages.available) { return true }
        let firstLower = running.firstIndex { $0.priority > candidate.priority } ?? running.count
        guard firstLower < running.count else { return false }
        let available = pages.available + pagesHeldOnly(by: running[firstLower...], besides: prefix)
        guard fits(candidate, prefix, beside: firstLower, available: available) else { return false }
        repeat { preemptLast(&plan) } while !fits(candidate, prefix, beside: running.count, available: pages.available)
        return true
    }

    /// Beside others a newcomer must leave one page for each of them, or the next page that one of them needs would
    /// take the newcomer's away again.
    private func fits(
        _ candidate: TokenSequence, _ prefix: [PageTable.Content], beside others: Int, available: Int
    ) -> Bool {
        guard others < maxSequences else { return false }
        let idlePrefix = prefix.count { pages.isIdle($0.page) }
        let needed = candidate.pagesNeeded(pageSize: pageSize) - prefix.count + idlePrefix
        return needed + others <= available
    }

    /// Pages that preempting `sequences` would make available to someone who reuses `prefix`.
    private func pagesHeldOnly(
        by sequences: ArraySlice<TokenSequence>, besides prefix: [PageTable.Content]
    ) -> Int {
        var held: [Int32: Int] = [:]
        for page in sequences.lazy.flatMap(\.pages) { held[page, default: 0] += 1 }
        for content in prefix { held[content.page] = nil }
        return held.count { pages.references(of: $0.key) == $0.value }
    }

    private mutating func rememberFullPages(ofRunning index: Int) {
        while (running[index].registeredPages + 1) * pageSize <= running[index].computed {
            let page = running[index].registeredPages
            let key = running[index].key(ofPage: page, pageSize: pageSize, parent: running[index].lastContent)
            running[index].noteRegistered(pages.register(running[index].pages[page], as: key))
        }
    }

    // MARK: The step

    /// At most one image a step, so that nobody's next token waits for more than one.
    private mutating func planEncode(_ plan: inout StepPlan, _ isEncoded: (ContentHash) -> Bool) {
        stepsSinceEncode += 1
        let interactiveDecodes = running.contains { $0.priority == .interactive && $0.isDecoding }
        let bulkMustWait = interactiveDecodes && stepsSinceEncode < Self.stepsBetweenBulkEncodes
        for sequence in running where !sequence.isDecoding {
            if bulkMustWait && sequence.priority > .interactive { return }
            let ahead = sequence.computed..<sequence.tokens.count
            for span in sequence.images where !span.rows(in: ahead).isEmpty && !isEncoded(span.image) {
                plan.encodes.append(.init(image: span.image, sequence: sequence.id))
                stepsSinceEncode = 0
                return
            }
        }
    }

    private func planRuns(_ plan: inout StepPlan, _ isEncoded: (ContentHash) -> Bool) {
        var budget = maxBatchTokens
        for sequence in running where sequence.isDecoding {
            plan.runs.append(run(of: sequence, count: 1))
            budget -= 1
        }
        for sequence in running where !sequence.isDecoding && budget > 0 {
            let count = min(sequence.remaining, budget)
            let chunk = sequence.computed..<sequence.computed + count
            // A chunk cut short by an image that is not encoded yet would cost a pass over the weights of its own.
            let lacksImage = sequence.images.contains { !$0.rows(in: chunk).isEmpty && !isEncoded($0.image) }
            if lacksImage { continue }
            plan.runs.append(run(of: sequence, count: count))
            budget -= count
        }
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
            features: features, pages: sequence.pages, wantsLogits: count == sequence.remaining,
            isDecode: sequence.isDecoding)
    }

    private static func place(of sequence: TokenSequence, in line: [TokenSequence]) -> Int {
        var (low, high) = (0, line.count)
        while low < high {
            let middle = (low + high) / 2
            if line[middle].precedes(sequence) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
