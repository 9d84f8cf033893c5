import NIOCore

/// Notices that a client closed its side of a connection while its request is being worked on.
///
/// Hummingbird allows half-closed connections, so a client that is gone shows only when a write fails. Its own
/// `consumeWithCancellationOnInboundClose` gives up the connection after one response and cannot watch both the time
/// before the response's head and the time after; an event in the pipeline can. A client that half-closes after
/// sending (`nc -N`) counts as gone.
final class DisconnectHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Never

    private let disconnection = Disconnection()

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed = event as? ChannelEvent { disconnection.happen() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        disconnection.happen()
        context.fireChannelInactive()
    }

    /// Nil where there is no such handler, as in tests without a connection.
    static func disconnection(of channel: any Channel) async -> Disconnection? {
        try? await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: DisconnectHandler.self).disconnection
        }.get()
    }
}
