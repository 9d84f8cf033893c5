import Models
import Testing

@testable import Inference

/// Who waits for whom, and how long: a slice takes 50 ms, a pass 9 ms and 1 ms more for each token.
struct TurnsTests {
    private static let imageTokens = 4

    private func world(slices: Int = 20, maxSequences: Int = 8) -> SchedulerWorld {
        SchedulerWorld(
            seed: 1, pages: 2000, pageSize: 4, maxSequences: maxSequences, maxBatchTokens: maxSequences + 32,
            slices: slices)
    }

    @discardableResult
    private func show(
        _ image: UInt8, in world: inout SchedulerWorld, answerLength: Int = 1, priority: Priority = .interactive
    ) -> SequenceID {
        let span = ImageSpan(image: Self.hash(image), positions: Array(0..<Self.imageTokens))
        return world.submit(
            prompt: Array(repeating: 7, count: Self.imageTokens) + [1, Int32(image)], images: [span],
            answerLength: answerLength, priority: priority)
    }

    private static func hash(_ image: UInt8) -> ContentHash { ContentHash(of: [image]) }

    /// Time until `id` has its first token, at most a minute.
    private func timeToFirstToken(of id: SequenceID, in world: inout SchedulerWorld) -> Duration {
        let start = world.time
        while let client = world.clients[id], client.answer.isEmpty, world.time - start < .seconds(60) { world.step() }
        return world.time - start
    }

    // MARK: Writing beside encoding

    @Test(arguments: [Priority.interactive, .bulk])
    func `an interactive answer keeps half of its speed while images are encoded`(priority: Priority) {
        var world = world()
        let writer = world.submit(prompt: [1], answerLength: 1000)
        world.step()
        for image in 0..<4 { show(UInt8(image), in: &world, priority: priority) }
        let (start, written) = (world.time, world.clients[writer]?.answer.count ?? 0)
        while world.encoded.count < 4 { world.step() }
        let tokens = (world.clients[writer]?.answer.count ?? 0) - written
        let speed = Double(tokens) / ((world.time - start) / .milliseconds(10))
        #expect(speed > 0.48 && speed < 0.56)
    }

    @Test func `nobody who writes waits longer than for one slice or one chunk`() {
        var world = world()
        let writer = world.submit(prompt: [1], answerLength: 500)
        world.step()
        for image in 0..<4 { show(UInt8(image), in: &world, priority: .bulk) }
        _ = world.submit(prompt: Array(repeating: 3, count: 300), answerLength: 1)
        var waits: [Duration] = []
        var last = world.time
        while let count = world.clients[writer]?.answer.count {
            world.step()
            if world.clients[writer]?.answer.count == count { continue }
            waits.append(world.time - last)
            last = world.time
        }
        // A slice and the pass after it; a chunk is a pass of its own.
        #expect(waits.max() == .milliseconds(50 + 10))
    }

    @Test func `bulk answers go on beside bulk images, in a small part of the time`() {
        var world = world()
        let writer = world.submit(prompt: [1], answerLength: 1000, priority: .bulk)
        world.step()
        for image in 0..<4 { show(UInt8(image), in: &world, priority: .bulk) }
        let (start, written) = (world.time, world.clients[writer]?.answer.count ?? 0)
        while world.encoded.count < 4 { world.step() }
        let tokens = (world.clients[writer]?.answer.count ?? 0) - written
        let speed = Double(tokens) / ((world.time - start) / .milliseconds(10))
        #expect(speed > 0.11 && speed < 0.15)
    }

    @Test func `a bulk run writes in company, not one answer after the other`() {
        var world = world()
        for image in 0..<24 { show(UInt8(image), in: &world, answerLength: 64, priority: .bulk) }
        var passes = 0, tokens = 0
        while world.scheduler.hasWork {
            let plan = world.step()
            if plan.runs.contains(where: \.isDecode) {
                passes += 1
                tokens += plan.runs.count(where: \.isDecode)
            }
        }
        #expect(world.finished == 24)
        #expect(Double(tokens) / Double(passes) > 4)
        // One at a time the same work would take 24 × (20 × 50 + 15 + 63 × 10) ms = 39.5 s.
        #expect(world.time < .seconds(32))
    }

    // MARK: Beginning

    @Test func `an interactive image overtakes a bulk image that is half encoded, which then goes on from there`() {
        var world = world(slices: 6)
        let bulk = show(1, in: &world, priority: .bulk)
        for _ in 0..<3 { #expect(world.step().encode?.sequence == bulk) }
        let interactive = show(2, in: &world)
        var slices: [SequenceID] = []
        while world.encoded.count < 2 {
            if let encode = world.step().encode { slices.append(encode.sequence) }
        }
        // Bulk has an eighth of the time: one slice early on, the other two at the end.
        #expect(slices.count(where: { $0 == interactive }) == 6)
        #expect(slices.count(where: { $0 == bulk }) == 3)
        #expect(slices.suffix(2) == [bulk, bulk])
    }

    @Test(arguments: 0..<8)
    func `the first token of an interactive request comes soon whatever bulk work there is`(steps: Int) {
        var idle = world()
        let alone = timeToFirstToken(of: show(100, in: &idle), in: &idle)

        var busy = world()
        for image in 0..<40 { show(UInt8(image), in: &busy, answerLength: 64, priority: .bulk) }
        while busy.time < .seconds(8) { busy.step() }
        for _ in 0..<steps * 7 { busy.step() }
        let inCompany = timeToFirstToken(of: show(100, in: &busy), in: &busy)
        #expect(inCompany / alone < 1.5)
    }

    @Test func `bulk work that was admitted goes on under interactive work that never pauses`() {
        var world = world(maxSequences: 64)
        let writer = world.submit(prompt: [1], answerLength: 2000, priority: .bulk)
        world.step()
        let beginner = show(0, in: &world, answerLength: 2000, priority: .bulk)
        for image in 1..<40 { show(UInt8(image), in: &world) }
        while world.time < .seconds(20) { world.step() }
        #expect(world.scheduler.running.contains { $0.priority == .interactive && !$0.isDecoding })
        #expect((world.clients[writer]?.answer.count ?? 0) > 100)
        #expect((world.clients[beginner]?.answer.count ?? 0) > 10)
    }

    @Test func `a short question does not wait for the images of those who came first`() {
        var world = world()
        for image in 0..<4 { show(UInt8(image), in: &world) }
        world.step()
        let question = world.submit(prompt: [1, 2, 3], answerLength: 1)
        #expect(timeToFirstToken(of: question, in: &world) == .milliseconds(9 + 3))
    }

    @Test func `images and prompts of one priority take turns`() {
        var world = world()
        show(0, in: &world)
        _ = world.submit(prompt: Array(repeating: 2, count: 400), answerLength: 1)
        let kinds = (0..<8).map { _ in world.step().encode == nil }
        #expect(kinds == [true, false, true, false, true, false, true, false])
    }

    @Test func `an image that two requests show goes at the pace of the one in a hurry, and once`() {
        var world = world(slices: 6)
        show(0, in: &world, priority: .bulk)
        show(1, in: &world, priority: .bulk)
        for _ in 0..<2 { world.step() }
        show(1, in: &world)
        var slices = 2
        while world.scheduler.hasWork {
            if world.step().encode != nil { slices += 1 }
            if slices == 9 { #expect(world.encoded == [Self.hash(1)]) }
        }
        #expect(slices == 12)
        #expect(world.finished == 3)
    }

    @Test func `a preempted sequence does not lose what was encoded for it`() {
        var world = world(slices: 6, maxSequences: 1)
        let bulk = show(1, in: &world, priority: .bulk)
        for _ in 0..<4 { world.step() }
        _ = world.submit(prompt: [1, 2], answerLength: 3)
        #expect(world.step().preempted == [bulk])
        #expect(world.progress[Self.hash(1)] == 4)
        var slices = 0
        while world.scheduler.hasWork { slices += world.step().encode == nil ? 0 : 1 }
        #expect(slices == 2)
        #expect(world.finished == 2)
    }
}
