import Hummingbird
import NIOCore
import ServiceLifecycle

/// Server-sent events: each value as one `data:` line, comments when there is nothing to say for long, and an end as
/// soon as the client is gone.
struct EventStream: Sendable {
    let disconnection: Disconnection?
    let keepAliveInterval: Duration

    init(disconnection: Disconnection?, keepAliveInterval: Duration) {
        self.disconnection = disconnection
        self.keepAliveInterval = keepAliveInterval
    }

    /// The response that sends `prefix` and then the frames of each of `events`, until they end.
    ///
    /// `whenMade` is called when the last event has come, which may be long before the client has read it. A stream that
    /// may last for days ends when the server shuts down; one that ends by itself is waited for.
    func response<Event: Sendable>(
        of events: AsyncStream<Event>, prefix: [String] = [], endsAtShutdown: Bool = false,
        whenMade: @escaping @Sendable () -> Void = {},
        frames: @escaping @Sendable (Event) -> [String]
    ) -> Response {
        let body = ResponseBody { writer in
            if !prefix.isEmpty { try await writer.write(Self.buffer(prefix)) }
            // Leaving this scope cancels the iteration of `events` and thereby whatever makes them.
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (steps, continuation) = AsyncStream<Step<Event>>.makeStream()
                group.addTask {
                    for await event in events { continuation.yield(.event(event)) }
                    continuation.finish()
                    whenMade()
                }
                group.addTask { await watch(continuation) }
                group.addTask { await keepAlive(continuation) }
                if endsAtShutdown {
                    group.addTask {
                        try? await gracefulShutdown()
                        continuation.finish()
                    }
                }
                defer { group.cancelAll() }
                for await step in steps {
                    switch step {
                    case .event(let event):
                        let frames = frames(event)
                        if !frames.isEmpty { try await writer.write(Self.buffer(frames)) }
                    case .silence: try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                    case .clientGone: throw ClientGone()
                    }
                }
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
            body: body)
    }

    private enum Step<Event: Sendable>: Sendable {
        case event(Event)
        case silence
        case clientGone
    }

    private func watch<Event>(_ steps: AsyncStream<Step<Event>>.Continuation) async {
        guard let disconnection else { return }
        await disconnection.wait()
        steps.yield(.clientGone)
    }

    /// Comments between deltas are harmless, so silence need not be measured.
    private func keepAlive<Event>(_ steps: AsyncStream<Step<Event>>.Continuation) async {
        while (try? await Task.sleep(for: keepAliveInterval)) != nil { steps.yield(.silence) }
    }

    private static func buffer(_ frames: [String]) -> ByteBuffer {
        ByteBuffer(string: frames.map { "data: \($0)\n\n" }.joined())
    }
}
