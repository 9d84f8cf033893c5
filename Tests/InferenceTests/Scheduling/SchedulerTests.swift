import Models
import Testing

@testable import Inference

struct SchedulerTests {
    @Test(arguments: 0..<24)
    func `whatever comes, every plan keeps the rules and every request ends`(seed: Int) {
        var setup = SeededGenerator(1000 + seed)
        let pageSize = Int.random(in: 1...5, using: &setup), maxSequences = Int.random(in: 1...6, using: &setup)
        let pages = Int.random(in: 8...24, using: &setup)
        var world = SchedulerWorld(
            seed: seed, pages: pages, pageSize: pageSize, maxSequences: maxSequences,
            maxBatchTokens: maxSequences + Int.random(in: 1...12, using: &setup),
            slices: Int.random(in: 1...5, using: &setup),
            sliceTime: .milliseconds(Int.random(in: 1...80, using: &setup)))
        var submitted = 0, cancelled = 0
        for _ in 0..<150 {
            if Int.random(in: 0..<3, using: &setup) == 0 {
                world.submitRandom(longest: max(4, min(40, pages * pageSize)))
                submitted += 1
            }
            if Int.random(in: 0..<25, using: &setup) == 0, let victim = world.clients.keys.sorted().first {
                world.cancel(victim)
                cancelled += 1
            }
            if world.scheduler.hasWork { world.step() }
        }
        var steps = 0
        while world.scheduler.hasWork && steps < 20_000 {
            world.step()
            steps += 1
        }
        #expect(world.finished == submitted - cancelled)
        #expect(world.scheduler.pages.used == 0)
    }

    @Test func `the rules are tested under preemption and reuse`() {
        var world = SchedulerWorld(seed: 5, pages: 12, pageSize: 4, maxSequences: 6, maxBatchTokens: 20)
        for _ in 0..<40 { world.submitRandom(longest: 40) }
        while world.scheduler.hasWork { world.step() }
        #expect(world.finished == 40)
        #expect(world.preemptions > 0)
        #expect(world.reusedTokens > 0)
    }

    @Test func `a long prompt is computed beside decodes that get their token in every pass`() {
        var world = SchedulerWorld(seed: 1, pages: 100, pageSize: 4, maxSequences: 4, maxBatchTokens: 10)
        let short = [world.submit(prompt: [1], answerLength: 60), world.submit(prompt: [2], answerLength: 60)]
        world.step()
        let long = world.submit(prompt: Array(repeating: 0, count: 80), answerLength: 1)
        var chunks: [Int] = []
        while world.clients[long] != nil {
            let plan = world.step()
            #expect(plan.runs.prefix(2).map(\.sequence) == short)
            chunks += plan.runs.dropFirst(2).map(\.tokens.count)
        }
        #expect(chunks == Array(repeating: 8, count: 10))
    }

    @Test func `an interactive arrival is served before bulk work that came first`() {
        var world = SchedulerWorld(seed: 1, pages: 100, pageSize: 4, maxSequences: 2, maxBatchTokens: 10)
        let bulk = (0..<3).map { world.submit(prompt: [$0], answerLength: 50, priority: .bulk) }
        world.step()
        #expect(world.scheduler.running.map(\.id) == [bulk[0], bulk[1]])
        let interactive = world.submit(prompt: [9], answerLength: 5)
        let plan = world.step()
        #expect(plan.preempted == [bulk[1]])
        #expect(plan.runs.map(\.sequence).contains(interactive))
        #expect(world.scheduler.waiting.map(\.id) == [bulk[1], bulk[2]])
        while world.scheduler.hasWork { world.step() }
        #expect(world.finished == 4)
    }

    @Test func `interactive work is never given up for bulk work`() {
        var world = SchedulerWorld(seed: 1, pages: 10, pageSize: 2, maxSequences: 4, maxBatchTokens: 10)
        let bulk = world.submit(prompt: [1, 2], answerLength: 14, priority: .bulk)
        world.step()
        let interactive = world.submit(prompt: [3, 4], answerLength: 14)
        var preempted: [SequenceID] = []
        while world.scheduler.hasWork { preempted += world.step().preempted }
        #expect(!preempted.contains(interactive))
        #expect(preempted.contains(bulk))
    }

    @Test func `the youngest of the lowest priority gives its pages up`() {
        var world = SchedulerWorld(seed: 1, pages: 8, pageSize: 1, maxSequences: 3, maxBatchTokens: 10)
        _ = world.submit(prompt: [1], answerLength: 7)
        let younger = world.submit(prompt: [2], answerLength: 7)
        var preempted: [SequenceID] = []
        while world.scheduler.hasWork { preempted += world.step().preempted }
        #expect(Set(preempted) == [younger])
    }

    @Test func `only images that are still ahead are encoded`() {
        let image = ContentHash(of: [1])
        let prompt: [Int32] = [7, 7, 7, 7, 1, 2]
        let span = ImageSpan(image: image, positions: [0, 1, 2, 3])
        var scheduler = Scheduler(pages: 10, pageSize: 4, maxSequences: 2, maxBatchTokens: 10)
        scheduler.submit(TokenSequence(id: .init(number: 1), priority: .bulk, prompt: prompt, images: [span]))
        #expect(scheduler.next { _ in false }.encode?.image == image)
        for run in scheduler.next(isEncoded: { _ in true }).runs { scheduler.record(run, token: 3) }
        scheduler.remove(.init(number: 1))
        // The features are gone, the page that was computed from them is not.
        scheduler.submit(TokenSequence(id: .init(number: 2), priority: .bulk, prompt: prompt, images: [span]))
        let plan = scheduler.next { _ in false }
        #expect(plan.encode == nil)
        #expect(plan.runs.map(\.positions) == [4..<6])
    }

    /// Two images of four tokens: at 2 ..< 6 and 7 ..< 11 of 12.
    private static func sequence(_ number: Int) -> TokenSequence {
        let images = [[2, 3, 4, 5], [7, 8, 9, 10]].map { ImageSpan(image: ContentHash(of: [1]), positions: $0) }
        return TokenSequence(
            id: .init(number: number), priority: .bulk, prompt: [1, 1, 7, 7, 7, 7, 1, 7, 7, 7, 7, 1], images: images)
    }

    private static func chunks(_ maxBatchTokens: Int, sequences: Int, pageSize: Int = 4) -> [[Range<Int>]] {
        var scheduler = Scheduler(
            pages: 40, pageSize: pageSize, maxSequences: 2, maxBatchTokens: maxBatchTokens, keepsImagesWhole: true)
        for number in 1...sequences { scheduler.submit(sequence(number)) }
        var chunks: [[Range<Int>]] = []
        while scheduler.running.isEmpty || scheduler.running.contains(where: { !$0.isDecoding }), chunks.count < 20 {
            let runs = scheduler.next { _ in true }.runs
            chunks.append(runs.filter { !$0.isDecode }.map(\.positions))
            for run in runs { scheduler.record(run, token: run.wantsLogits ? 3 : nil) }
        }
        return chunks
    }

    @Test func `chunks end before images that are kept whole, or take them whole`() {
        #expect(Self.chunks(12, sequences: 1) == [[0..<12]])
        #expect(Self.chunks(10, sequences: 1) == [[0..<7], [7..<12]])
        #expect(Self.chunks(5, sequences: 1) == [[0..<2], [2..<7], [7..<12]])
        // More than a step should have, but never more than one image more.
        #expect(Self.chunks(3, sequences: 1) == [[0..<2], [2..<6], [6..<7], [7..<11], [11..<12]])
    }

    @Test func `an image that is longer than a step has no company`() {
        let chunks = Self.chunks(3, sequences: 2)
        #expect(chunks.allSatisfy { $0.count == 1 || $0.reduce(0) { $0 + $1.count } <= 3 }, "\(chunks)")
        #expect(chunks.joined().reduce(0) { $0 + $1.count } == 24)
    }

    /// What is in the cache was computed when the image was seen whole.
    @Test func `a remembered page may end within an image, whose rest is one chunk`() {
        var scheduler = Scheduler(pages: 40, pageSize: 4, maxSequences: 2, maxBatchTokens: 3, keepsImagesWhole: true)
        scheduler.submit(Self.sequence(1))
        while scheduler.running.first?.isDecoding != true {
            for run in scheduler.next(isEncoded: { _ in true }).runs {
                scheduler.record(run, token: run.wantsLogits ? 3 : nil)
            }
        }
        scheduler.remove(.init(number: 1))
        scheduler.submit(Self.sequence(2))
        #expect(scheduler.next { _ in true }.runs.map(\.positions) == [8..<11])
    }
}
