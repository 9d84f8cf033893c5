import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Notices that a client is gone while its request is being worked on.
///
/// The end of a client's sending looks the same whether it closed the connection or, as `nc -N` does, only its own half of
/// it; the difference shows when something is sent: a closed socket answers with a reset. So whoever ended in time to have
/// sent a whole request is asked, at once and then every few seconds, with what any client ignores: an interim response
/// before the answer (RFC 9110, 15.2), a comment in a stream of events. Other answers are sent in one go, which asks too.
///
/// Hummingbird's own `consumeWithCancellationOnInboundClose` gives up the connection after one response and cannot watch
/// both the time before the response's head and the time after; events in the pipeline can.
final class DisconnectHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Sent up the pipeline with the request of a client that takes no interim responses, HTTP/1.0's; one that ends its
    /// sending counts as gone.
    struct CannotBeAsked: Sendable {}

    private enum Phase {
        case idle, receiving, working
        case answering(inEvents: Bool)
    }

    /// Most answers come sooner, and a client that only ended its sending is not asked for nothing.
    private static let firstQuestion: TimeAmount = .milliseconds(100)
    private static let nextQuestion: TimeAmount = .seconds(5)

    private let disconnection = Disconnection()
    private var phase = Phase.idle
    private var hasEnded = false
    private var canBeAsked = true
    private var question: Scheduled<Void>?

    func handlerRemoved(context: ChannelHandlerContext) { question?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        question?.cancel()
        disconnection.happen()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: phase = .receiving
        case .body: break
        case .end:
            if case .receiving = phase { phase = .working }
            // One of several requests that were sent together.
            if hasEnded { clientEnded(context) }
        }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is CannotBeAsked { canBeAsked = false }
        if case .inputClosed = event as? ChannelEvent {
            hasEnded = true
            clientEnded(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.status.kind != .informational:
            phase = .answering(inEvents: head.headerFields[.contentType]?.hasPrefix("text/event-stream") == true)
        case .head, .body: break
        case .end: phase = .idle
        }
        context.write(data, promise: promise)
    }

    private func clientEnded(_ context: ChannelHandlerContext) {
        switch phase {
        case .idle: break
        // The rest will never come.
        case .receiving: disconnection.happen()
        case .working, .answering:
            if canBeAsked { ask(context, in: Self.firstQuestion) } else { disconnection.happen() }
        }
    }

    private func ask(_ context: ChannelHandlerContext, in time: TimeAmount) {
        question?.cancel()
        question = context.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            ask(context)
            if case .idle = phase { return }
            ask(context, in: Self.nextQuestion)
        }
    }

    /// Sends what makes a client that is gone show itself. One that takes nothing is `ClosingHandler`'s.
    private func ask(_ context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        switch phase {
        case .working:
            let head = HTTPResponse(status: .init(code: 102, reasonPhrase: "Processing"))
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        case .answering(inEvents: true):
            // Events are written whole, so a comment always stands between two of them.
            context.writeAndFlush(wrapOutboundOut(.body(ByteBuffer(string: ": are you there?\n\n"))), promise: nil)
        case .idle, .receiving, .answering: break
        }
    }

    /// Nil where there is no such handler, as in tests without a connection.
    static func disconnection(of channel: any Channel) async -> Disconnection? {
        try? await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: DisconnectHandler.self).disconnection
        }.get()
    }
}
