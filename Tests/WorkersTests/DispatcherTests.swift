import Foundation
import Inference
import Jobs
import Models
import Synchronization
import Testing

@testable import Workers

@Suite struct DispatcherTests {
    @Test func `a synchronous request streams its words and ends with the committed answer`() async throws {
        let workshop = try Workshop(ScriptedGenerator(["a ", "cat"]))
        let dispatcher = workshop.dispatcher
        let store = workshop.store
        try await workshop.whileRunning {
            let ticket = try await dispatcher.submit(.question("what is this"), label: "test")
            let events = await ticket.all()
            guard case .started(let promptTokens, _) = events.first, case .finished(let answer) = events.last else {
                Issue.record("unexpected events: \(events)")
                return
            }
            #expect(promptTokens == 3)
            #expect(answer.choices.map(\.text) == ["a cat"])
            #expect(answer.usage == .init(promptTokens: 3, completionTokens: 2))
            let stored = try #require(try await store.request(ticket.requestID))
            #expect(stored.state == .succeeded)
            let result = try #require(stored.result)
            #expect(try JSONDecoder().decode(ChatAnswer.self, from: Data(result.utf8)) == answer)
        }
    }

    @Test func `requests for other weights are left to who has them`() async throws {
        let workshop = try Workshop(ScriptedGenerator(["a cat"]))
        let (dispatcher, store) = (workshop.dispatcher, workshop.store)
        let payload = String(decoding: try JSONEncoder().encode(ChatWork.question("what")), as: UTF8.self)
        let other = NewJob(kind: "chat", label: "for another model", model: "1")
        let (_, waiting) = try await store.submit(other, [NewRequest(key: "k", payload: payload)])
        try await workshop.whileRunning {
            // What came later is answered, so the one before was passed over.
            _ = await (try await dispatcher.submit(.question("what"), label: "test")).all()
            #expect(try await store.request(waiting[0])?.state == .waiting)
        }
    }

    @Test func `an image is decoded, described for provenance and placed in the prompt`() async throws {
        let workshop = try Workshop(ScriptedGenerator(["dolphin"]))
        let dispatcher = workshop.dispatcher
        let file = Workshop.samples.appending(path: "scene-01.jpg").path
        try await workshop.whileRunning {
            let ticket = try await dispatcher.submit(.question("what", [.file(file)]), label: "test")
            guard case .finished(let answer) = await ticket.all().last else {
                Issue.record("not finished")
                return
            }
            #expect(answer.usage.promptTokens == 4)
            #expect(answer.images.map(\.width) == [478])
            #expect(answer.images.map(\.height) == [368])
            #expect(answer.images.map(\.sha256.count) == [64])
        }
        let statistics = dispatcher.statistics
        #expect(statistics.images == 1)
        #expect(statistics.decodeTime > .zero && statistics.resizeTime > .zero)
        #expect(statistics.imageWorkTime >= statistics.decodeTime)
    }

    @Test(.timeLimit(.minutes(5))) func `a crowd of people leaves bulk its slots, and may have those that it leaves`()
        async throws
    {
        let gate = Gate()
        let generator = ScriptedGenerator(["a ", "cat"], gate: gate)
        let workshop = try Workshop(generator) { ($0.interactiveSlots, $0.bulkSlots) = (2, 2) }
        let dispatcher = workshop.dispatcher
        var people: [Ticket] = []
        for number in 0..<6 {
            people.append(try await dispatcher.submit(.question("person \(number)"), label: "test"))
        }
        _ = try await dispatcher.enqueue(.question("bulk"), kind: "chat", label: "bulk", priority: .bulk)
        let tickets = people
        try await workshop.whileRunning {
            var counts = generator.counts.makeAsyncIterator()
            while let count = await counts.next(), count < 4 {}
            let priorities = generator.requests.withLock { $0.map(\.priority) }
            // Two people in their own slots, the bulk request in one of its own, and a third person in the one that is left.
            #expect(priorities.count { $0 == .bulk } == 1 && priorities.count == 4)
            gate.open()
            for ticket in tickets { _ = await ticket.all() }
        }
        #expect(generator.requests.withLock { $0.count } == 7)
    }

    @Test(arguments: [
        (ImageReference.file("/nowhere/cat.jpg"), "image_unreadable"),
        (ImageReference.file("/dev/zero"), "image_unreadable"),
        (ImageReference.url("http://127.0.0.1/cat.jpg"), "url_not_allowed"),
    ])
    func `an image that cannot be had fails its request for good`(image: ImageReference, code: String) async throws {
        let workshop = try Workshop(ScriptedGenerator(["never"]))
        let dispatcher = workshop.dispatcher
        let store = workshop.store
        try await workshop.whileRunning {
            let ticket = try await dispatcher.submit(.question("what", [image]), label: "test")
            guard case .failed(let failure) = await ticket.all().last else {
                Issue.record("not failed")
                return
            }
            #expect(failure.code == code)
            #expect(try await store.request(ticket.requestID)?.failure?.code == code)
        }
    }

    @Test func `one request asks for a few images at a time`() async throws {
        /// Holds everybody who asks until four do.
        final class CrowdedSource: ImageSource {
            let asking = Mutex((now: 0, most: 0))
            let gate = Gate()

            func bytes(of reference: ImageReference) async throws -> [UInt8] {
                let now = asking.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                    return $0.now
                }
                if now == 4 { gate.open() }
                await gate.passed()
                for _ in 0..<10 { await Task.yield() }
                asking.withLock { $0.now -= 1 }
                return Workshop.grey
            }
        }
        let source = CrowdedSource()
        let workshop = try Workshop(ScriptedGenerator(["x"]), images: source)
        let dispatcher = workshop.dispatcher
        try await workshop.whileRunning {
            let images = (0..<9).map { ImageReference.url("http://example.org/\($0)") }
            let ticket = try await dispatcher.submit(.question("?", images), label: "test")
            guard case .finished(let answer) = await ticket.all().last else {
                Issue.record("not finished")
                return
            }
            #expect(answer.images.count == 9)
        }
        #expect(source.asking.withLock { $0.most } == 4)
    }

    @Test func `every choice has its own seed and its own place`() async throws {
        let generator = ScriptedGenerator(["x"])
        let workshop = try Workshop(generator)
        let dispatcher = workshop.dispatcher
        try await workshop.whileRunning {
            var work = ChatWork.question("three please")
            work.choices = 3
            work.sampling.seed = 40
            guard case .finished(let answer) = await (try await dispatcher.submit(work, label: "test")).all().last
            else {
                Issue.record("not finished")
                return
            }
            #expect(answer.choices.map(\.index) == [0, 1, 2])
        }
        #expect(Set(generator.requests.withLock { $0.compactMap(\.sampling.seed) }) == [40, 41, 42])
    }

    @Test func `leaving the events cancels the request`() async throws {
        let generator = ScriptedGenerator(["first", "second"], gate: Gate())
        let workshop = try Workshop(generator)
        let dispatcher = workshop.dispatcher
        let store = workshop.store
        try await workshop.whileRunning {
            let ticket = try await dispatcher.submit(.question("wait"), label: "test")
            let reader = Task { for await event in ticket.events { if case .delta = event { return } } }
            await reader.value
            reader.cancel()
            // The job's last change is its end.
            let abandoned = Task { for await _ in ticket.events {} }
            abandoned.cancel()
            await abandoned.value
            for await job in store.changes(of: ticket.jobID) where job.state == .cancelled { break }
            #expect(try await store.request(ticket.requestID)?.state == .cancelled)
        }
        #expect(generator.cancelled.withLock { $0.count } == 1)
    }

    @Test func `somebody else's cancellation ends the run and the wait`() async throws {
        let workshop = try Workshop(ScriptedGenerator(["first", "second"], gate: Gate()))
        let dispatcher = workshop.dispatcher
        let store = workshop.store
        try await workshop.whileRunning {
            let ticket = try await dispatcher.submit(.question("wait"), label: "test")
            var last: WorkEvent?
            for await event in ticket.events {
                if case .delta = event { try await store.cancel(ticket.requestID) }
                last = event
            }
            guard case .cancelled = last else {
                Issue.record("ended with \(String(describing: last))")
                return
            }
        }
    }

    @Test func `a failure of ours is tried again`() async throws {
        struct Hiccup: Error {}
        let generator = ScriptedGenerator(["fine"], failingFirst: [Hiccup()])
        let workshop = try Workshop(generator)
        let dispatcher = workshop.dispatcher
        let store = workshop.store
        try await workshop.whileRunning {
            let job = try await dispatcher.enqueue(.question("again"), kind: "chat", label: "test", priority: .bulk)
            for await change in store.changes(of: job.id) where change.state == .completed { break }
            let request = try #require(try await store.requests(of: job.id, state: nil, after: nil, limit: 1).first)
            #expect(request.state == .succeeded)
            #expect(request.attempts == 2)
        }
    }

    @Test(arguments: [
        (
            EngineError.promptTooLong(promptTokens: 9, maxTokens: 1, limit: 8) as any Error, "context_length_exceeded",
            false
        ),
        (ModelError.promptTooLong(tokens: 9, limit: 8), "context_length_exceeded", false),
        (ModelError.imageCountMismatch(places: 2, images: 1), "invalid_prompt", false),
        (ModelError.takesNoImages(model: nil), "invalid_prompt", false),
        (EngineError.invalidPrompt(reason: "no tokens"), "invalid_prompt", false),
        (EngineError.overloaded(inFlight: 3, limit: 2), "overloaded", true),
        (EngineError.deviceLost(reason: "gone"), "engine_error", true),
    ])
    func `a failure says whose fault it is`(error: any Error, code: String, isRetryable: Bool) {
        let failure = RequestFailure(cause: error)
        #expect(failure.code == code && failure.isRetryable == isRetryable)
        #expect(failure.message == "\(error)")
    }

    @Test func `an interactive request does not wait for bulk slots`() async throws {
        let gate = Gate()
        let generator = ScriptedGenerator(["one", "two"], gate: gate)
        let workshop = try Workshop(generator) { $0.bulkSlots = 1 }
        let dispatcher = workshop.dispatcher
        let store = workshop.store
        try await workshop.whileRunning {
            let first = try await dispatcher.enqueue(.question("a"), kind: "caption", label: "1", priority: .bulk)
            _ = try await dispatcher.enqueue(.question("b"), kind: "caption", label: "2", priority: .bulk)
            for await change in store.changes(of: first.id) where change.counts.running == 1 { break }
            let ticket = try await dispatcher.submit(.question("me"), label: "person")
            for await event in ticket.events { if case .delta = event { gate.open() } }
        }
        // Both were asked for while the gate was closed; the second bulk request could only come after it.
        #expect(Set(generator.requests.withLock { $0.prefix(2).map(\.priority) }) == [.bulk, .interactive])
    }

    @Test func `draining finishes what runs, refuses what comes and gives bulk work back`() async throws {
        let gate = Gate()
        let workshop = try Workshop(ScriptedGenerator(["one", "two"], gate: gate))
        let dispatcher = workshop.dispatcher
        let store = workshop.store
        async let ran: Void = dispatcher.run()
        let bulk = try await dispatcher.enqueue(.question("b"), kind: "caption", label: "bulk", priority: .bulk)
        for await change in store.changes(of: bulk.id) where change.counts.running == 1 { break }
        dispatcher.drain(patience: .zero)
        await #expect(throws: RequestFailure.self) { try await dispatcher.submit(.question("late"), label: "late") }
        try await ran
        let request = try #require(try await store.requests(of: bulk.id, state: nil, after: nil, limit: 1).first)
        #expect(request.state == .waiting)
        #expect(request.attempts == 0)
        try await store.close()
        try FileManager.default.removeItem(at: workshop.folder)
    }
}
