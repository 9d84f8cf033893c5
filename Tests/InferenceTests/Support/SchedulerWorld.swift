import Models
import Testing

@testable import Inference

/// Everything that a scheduler's plans act on, played without a device: pages that hold numbers, requests that come,
/// end after so many tokens and are cancelled by chance. Every step checks what must hold of every plan.
struct SchedulerWorld {
    struct Client {
        let sequence: TokenSequence
        let answerLength: Int
        var answer: [Int32] = []
    }

    var scheduler: Scheduler
    var random: SeededGenerator
    private(set) var clients: [SequenceID: Client] = [:]
    private(set) var finished = 0
    private(set) var preemptions = 0
    private(set) var reusedTokens = 0
    private var memory: [[Float]]
    private(set) var encoded: Set<ContentHash> = []
    /// Slices done of images that are not encoded yet.
    private(set) var progress: [ContentHash: Int] = [:]
    private var nextNumber = 1
    private let slices: Int
    /// How long a slice takes, and a pass by its tokens.
    private let sliceTime: Duration
    private let passTime: @Sendable (Int) -> Duration
    /// All time so far.
    private(set) var time = Duration.zero

    init(
        seed: Int, pages: Int, pageSize: Int, maxSequences: Int, maxBatchTokens: Int, slices: Int = 1,
        sliceTime: Duration = .milliseconds(50),
        passTime: @escaping @Sendable (Int) -> Duration = { .milliseconds(9 + $0) }
    ) {
        random = SeededGenerator(seed)
        self.slices = slices
        self.sliceTime = sliceTime
        self.passTime = passTime
        scheduler = Scheduler(
            pages: pages, pageSize: pageSize, maxSequences: maxSequences, maxBatchTokens: maxBatchTokens)
        memory = Array(repeating: Array(repeating: -1, count: pageSize), count: pages)
    }

    // MARK: Requests

    mutating func submit(
        prompt: [Int32], images: [ImageSpan] = [], answerLength: Int, priority: Priority = .interactive
    ) -> SequenceID {
        let id = SequenceID(number: nextNumber)
        nextNumber += 1
        let sequence = TokenSequence(id: id, priority: priority, prompt: prompt, images: images)
        clients[id] = Client(sequence: sequence, answerLength: answerLength)
        scheduler.submit(sequence)
        return id
    }

    /// A request like many others: few different beginnings, sometimes with an image in it.
    mutating func submitRandom(longest: Int) {
        let answerLength = Int.random(in: 1...longest / 3, using: &random)
        let length = Int.random(in: 1...longest - answerLength, using: &random)
        let beginning = Int32.random(in: 0..<3, using: &random)
        let change = Int.random(in: 0...length, using: &random)
        let prompt = (0..<length).map { $0 < change ? beginning : Int32.random(in: 0..<3, using: &random) }
        var images: [ImageSpan] = []
        if Bool.random(using: &random), length > 2 {
            let start = Int.random(in: 0..<length - 1, using: &random)
            let positions = Array(start..<Int.random(in: start + 1...length, using: &random))
            let image = ContentHash(of: [UInt8.random(in: 0..<3, using: &random), UInt8(positions.count)])
            images = [ImageSpan(image: image, positions: positions)]
        }
        let priority: Priority = Int.random(in: 0..<3, using: &random) == 0 ? .interactive : .bulk
        _ = submit(prompt: prompt, images: images, answerLength: answerLength, priority: priority)
    }

    mutating func cancel(_ id: SequenceID) {
        scheduler.remove(id)
        forget(id)
    }

    /// An encoding goes with the last request that shows its image.
    private mutating func forget(_ id: SequenceID) {
        clients[id] = nil
        let shown = clients.values.flatMap { $0.sequence.images.map(\.image) }
        progress = progress.filter { shown.contains($0.key) }
    }

    // MARK: Steps

    @discardableResult
    mutating func step() -> StepPlan {
        let decodingBefore = Set(scheduler.running.filter(\.isDecoding).map(\.id))
        let plan = scheduler.next { encoded.contains($0) }
        checkLimits(of: plan, decodingBefore)
        preemptions += plan.preempted.count
        reusedTokens += plan.admitted.reduce(0) { $0 + $1.reusedTokens }
        for run in plan.runs {
            carryOut(run)
            finishIfDone(run)
        }
        if let encode = plan.encode { carryOut(encode) }
        let took = plan.encode == nil ? passTime(plan.tokenCount) : sliceTime
        scheduler.record(plan, took: took)
        time += took
        checkPages()
        return plan
    }

    private func checkLimits(of plan: StepPlan, _ decodingBefore: Set<SequenceID>) {
        #expect(!plan.isEmpty || clients.isEmpty)
        #expect(plan.tokenCount <= scheduler.maxBatchTokens)
        #expect(scheduler.running.count <= scheduler.maxSequences)
        #expect(plan.encode == nil || plan.runs.isEmpty)
        #expect(
            plan.encode != nil || decodingBefore.subtracting(plan.preempted).isSubset(of: plan.runs.map(\.sequence)))
        let beginners = plan.runs.filter { !$0.isDecode }.map(\.sequence) + [plan.encode?.sequence].compactMap(\.self)
        #expect(beginners.isEmpty == (plan.beginning == nil))
        #expect(beginners.allSatisfy { clients[$0]?.sequence.priority == plan.beginning })
        for admission in plan.admitted where !plan.preempted.contains(admission.sequence) {
            let overtaken = scheduler.waiting.filter { waiting in
                scheduler.running.contains { $0.id == admission.sequence && waiting.precedes($0) }
            }
            #expect(overtaken.isEmpty)
        }
    }

    private mutating func carryOut(_ encode: StepPlan.Encode) {
        #expect(!encoded.contains(encode.image))
        let shown = clients[encode.sequence]?.sequence.images.map(\.image) ?? []
        #expect(shown.contains(encode.image))
        progress[encode.image, default: 0] += 1
        guard progress[encode.image] == slices else { return }
        progress[encode.image] = nil
        encoded.insert(encode.image)
    }

    /// Writes the run's tokens to its pages and, when it is to choose a token, reads the whole sequence back.
    private mutating func carryOut(_ run: StepPlan.Run) {
        let inputs = inputs(of: run.sequence)
        var values = run.tokens.map { Float($0) }
        for slice in run.features {
            #expect(encoded.contains(slice.image))
            for (row, offset) in zip(slice.rows, slice.offsets) {
                values[Int(offset)] = Self.feature(of: slice.image, row: row)
            }
        }
        for (position, value) in zip(run.positions, values) { memory[run, position, scheduler.pageSize] = value }
        let end = run.positions.upperBound
        #expect(run.wantsLogits == (end == inputs.count))
        #expect((0..<end).map { memory[run, $0, scheduler.pageSize] } == Array(inputs[..<end]))
        let token: Int32? = run.wantsLogits ? Int32.random(in: 0..<3, using: &random) : nil
        scheduler.record(run, token: token)
        if let token { clients[run.sequence]?.answer.append(token) }
    }

    private func inputs(of id: SequenceID) -> [Float] {
        guard let client = clients[id] else { return [] }
        var inputs = (client.sequence.tokens + client.answer).map { Float($0) }
        for span in client.sequence.images {
            for (row, position) in span.positions.enumerated() {
                inputs[position] = Self.feature(of: span.image, row: row)
            }
        }
        return inputs
    }

    private static func feature(of image: ContentHash, row: Int) -> Float { Float(image.bytes[0]) + Float(row) / 512 }

    private mutating func finishIfDone(_ run: StepPlan.Run) {
        guard let client = clients[run.sequence], client.answer.count == client.answerLength else { return }
        scheduler.remove(run.sequence)
        forget(run.sequence)
        finished += 1
    }

    private func checkPages() {
        var references: [Int32: Int] = [:]
        for page in scheduler.running.lazy.flatMap(\.pages) { references[page, default: 0] += 1 }
        #expect(scheduler.pages.used == references.count)
        for (page, count) in references { #expect(scheduler.pages.references(of: page) == count) }
        for sequence in scheduler.waiting { #expect(sequence.pages.isEmpty) }
        #expect(scheduler.waiting.count + scheduler.running.count == clients.count)
    }
}

extension [[Float]] {
    /// The place of a run's token at `position`.
    fileprivate subscript(run: StepPlan.Run, position: Int, pageSize: Int) -> Float {
        get { self[Int(run.pages[position / pageSize])][position % pageSize] }
        set { self[Int(run.pages[position / pageSize])][position % pageSize] = newValue }
    }
}
