import Hummingbird
import Inference
import Jobs
import Logging
import Models
import NIOCore
import Workers

/// `POST /v1/chat/completions`: a request becomes a row first, and then an answer, a stream, or a job to ask after.
struct ChatRoutes: Sendable {
    let store: JobStore
    let dispatcher: Dispatcher
    let rules: ChatRules
    let configuration: ServerConfiguration
    let admission: Admission
    let bodies: BodyBudget
    /// Reads large bodies: JSON, base64 and image headers of many megabytes.
    private let readers = BlockingPool(threads: 2)

    func add(to router: some RouterMethods<APIContext>) {
        router.post("v1/chat/completions", use: complete)
    }

    @Sendable private func complete(_ request: Request, context: APIContext) async throws -> Response {
        let share = bodies.share()
        let body = try await request.jsonBody(upTo: configuration.maxBodyBytes, counting: share, context: context)
        let disconnection = await context.disconnection()
        let chat = try await withCancellation(on: disconnection) {
            let chat = try await chatRequest(in: body)
            try await checkConstraint(of: chat)
            return chat
        }
        let isAsynchronous = request.prefersAsynchronousAnswer
        guard !(isAsynchronous && chat.stream.isStreamed) else {
            throw APIError.badRequest("stream and \"Prefer: respond-async\" exclude each other", param: "stream")
        }
        let work = try await chat.work(storingImagesIn: store.blobs)
        share.giveBack()
        if isAsynchronous { return try await accept(work) }
        let place = try admission.enter(work: chat.estimatedWork)
        defer { withExtendedLifetime(place) {} }
        let key = HexadecimalID.make()
        let identity = AnswerIdentity(
            requestKey: key, requestID: chat.requestID, created: store.now.seconds, model: rules.modelName)
        let (ticket, first) = try await withCancellation(on: disconnection) {
            let ticket = try await dispatcher.submit(work, key: key, label: "chat completion \(identity.id)")
            return (ticket, await ticket.events.first())
        }
        context.logger.debug("accepted", metadata: ["job": "\(ticket.jobID)", "answer": "\(identity.id)"])
        guard chat.stream.isStreamed else {
            let answer = try await withCancellation(on: disconnection) { try await ticket.answer(after: first) }
            place.leave(isDone: true)
            return Response(json: ChatCompletion(identity: identity, answer: answer).json)
        }
        switch first {
        case .failed(let failure): throw failure
        case .cancelled, nil: throw APIError.cancelled
        case .started, .delta, .choiceFinished, .finished: break
        }
        return stream(
            ticket, first, of: chat, identity,
            EventStream(disconnection: disconnection, keepAliveInterval: configuration.keepAliveInterval), place)
    }

    /// Read where they come in, large bodies would hold up everybody else's: health answers too.
    private static let longestReadInPlace = 64 << 10

    private func chatRequest(in body: ByteBuffer) async throws -> ChatRequest {
        let rules = rules
        guard body.readableBytes > Self.longestReadInPlace else {
            return try ChatRequest(JSONValue(body: body), rules: rules)
        }
        return try await readers.run { try ChatRequest(JSONValue(body: body), rules: rules) }
    }

    /// A constraint is compiled before its request is stored, so that what is wrong with it is told at once.
    private func checkConstraint(of chat: ChatRequest) async throws {
        guard chat.sampling.constraint != nil else { return }
        let compiler = dispatcher.constraints
        try await readers.run { try chat.checkConstraint(by: compiler) }
    }

    private func stream(
        _ ticket: Ticket, _ first: WorkEvent?, of chat: ChatRequest, _ identity: AnswerIdentity, _ events: EventStream,
        _ place: Admission.Place
    ) -> Response {
        let frames = ChatStream(
            chunks: ChatCompletionChunk(identity: identity, hasUsage: chat.stream.hasContinuousUsage),
            choices: chat.choices, includesUsage: chat.stream.includesUsage,
            hasLogprobs: chat.sampling.topLogprobs != nil)
        return events.response(
            of: ticket.events, prefix: first.map { frames.frames(for: $0) } ?? [],
            whenMade: { place.leave(isDone: true) }
        ) { frames.frames(for: $0) }
    }

    /// Bulk: nobody waits on an open connection, so those who do go first.
    private func accept(_ work: ChatWork) async throws -> Response {
        let job = try await dispatcher.enqueue(work, kind: "chat", label: "chat completion", priority: .bulk)
        var response = Response(json: JobObject(job: job).json, status: .accepted)
        response.headers[.location] = "/v1/jobs/\(job.id)"
        response.headers[.preferenceApplied] = "respond-async"
        return response
    }
}

extension Ticket {
    /// The committed answer; throws why there is none.
    fileprivate func answer(after first: WorkEvent?) async throws -> ChatAnswer {
        if let answer = try first?.answer() { return answer }
        for await event in events {
            if let answer = try event.answer() { return answer }
        }
        try Task.checkCancellation()
        throw APIError.cancelled
    }
}

extension WorkEvent {
    fileprivate func answer() throws -> ChatAnswer? {
        switch self {
        case .finished(let answer): answer
        case .failed(let failure): throw failure
        case .cancelled: throw APIError.cancelled
        case .started, .delta, .choiceFinished: nil
        }
    }
}

extension AsyncStream where Element == WorkEvent {
    fileprivate func first() async -> WorkEvent? {
        for await event in self { return event }
        return nil
    }
}
