import Models

/// Who runs in the next step, with how many tokens and in which pages.
///
/// A pure value: the engine asks for a plan, carries it out, and records what came of it. The order of service is
/// priority, then age, everywhere:
/// * a step is one slice of an image's encoding or one pass of the decoder, in which every decoding sequence gets its
///   one token and prefill what is left of the token budget; measured times decide whose turn it is (`planTurn`);
/// * the first in line is admitted when a slot and pages for all its tokens are there, and nobody overtakes it;
/// * when a decoding sequence needs a page and there is none, the last in order gives its pages up and waits again;
/// * an interactive sequence that finds no room makes bulk sequences give theirs up.
struct Scheduler: Sendable {
    let pageSize: Int
    let maxSequences: Int
    let maxBatchTokens: Int
    /// Whether a chunk of a prompt may not end within an image, because its tokens see each other.
    let keepsImagesWhole: Bool

    private(set) var pages: PageTable
    /// Both in order of service.
    private(set) var waiting: [TokenSequence] = []
    private(set) var running: [TokenSequence] = []
    /// Beginning's time and writing's, see `planTurn`.
    var writingShare = TimeShare()
    /// Interactive and bulk beginning's time.
    var bulkShare = TimeShare()
    /// Whether the last beginning was a chunk of a prompt, and not a slice of an image.
    var wasChunkLast = false

    init(pages: Int, pageSize: Int, maxSequences: Int, maxBatchTokens: Int, keepsImagesWhole: Bool = false) {
        precondition(maxBatchTokens > maxSequences, "a full batch of decodes must leave room for prefill")
        self.pages = PageTable(pages: pages)
        self.pageSize = pageSize
        self.maxSequences = maxSequences
        self.maxBatchTokens = maxBatchTokens
        self.keepsImagesWhole = keepsImagesWhole
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
        planTurn(&plan, isEncoded)
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

    /// None for a sequence whose prompt must be computed anyway; else the longest run of remembered pages that `sequence` begins with, always short of its last token: that one must
    /// be computed, because its logits are needed.
    private func rememberedPrefix(of sequence: TokenSequence) -> [PageTable.Content] {
        if sequence.wantsPromptLogits { return [] }
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

    private static func place(of sequence: TokenSequence, in line: [TokenSequence]) -> Int {
        var (low, high) = (0, line.count)
        while low < high {
            let middle = (low + high) / 2
            if line[middle].precedes(sequence) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
