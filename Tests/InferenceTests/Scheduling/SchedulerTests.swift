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
}
