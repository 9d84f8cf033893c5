import NIOCore

/// Decides when a connection is really closed; nearest to the socket, where bytes are counted.
///
/// Later than asked for while bytes of an answer are unsent: NIO would drop them, and Hummingbird asks as soon as it has
/// written them. Sooner when the client takes none of them for `writePatience`: neither Hummingbird's idle timeout nor
/// TCP ends that. And at the latest `shutdownPatience` after a graceful shutdown began, whatever goes on.
final class ClosingHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Left alone, Linux lets this grow to megabytes for each client that does not read, and tells of room only when a
    /// third is free.
    private static let sendBuffer: ChannelOptions.Types.SocketOption.Value = 256 << 10

    private let writePatience: Duration
    private let shutdownPatience: Duration
    private var isClosing = false
    private var nextLook: Scheduled<Void>?
    private var lastMoment: Scheduled<Void>?

    init(writePatience: Duration, shutdownPatience: Duration) {
        self.writePatience = writePatience
        self.shutdownPatience = shutdownPatience
    }

    func handlerAdded(context: ChannelHandlerContext) {
        try? context.channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: Self.sendBuffer)
    }

    func handlerRemoved(context: ChannelHandlerContext) { stopWaiting() }

    func channelInactive(context: ChannelHandlerContext) {
        stopWaiting()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable {
            watchProgress(context)
        } else if !isClosing {
            nextLook?.cancel()
            nextLook = nil
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            lastMoment = context.eventLoop.assumeIsolated().scheduleTask(in: .init(shutdownPatience)) {
                context.close(promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, unsentBytes(context) > 0 else { return context.close(mode: mode, promise: promise) }
        isClosing = true
        context.channel.closeFuture.cascade(to: promise)
        // Fails where the sending half is being closed already; then the next look at the progress closes.
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: sent)
        watchProgress(context)
    }

    /// Looks again and again whether bytes have gone out; closes when none have.
    private func watchProgress(_ context: ChannelHandlerContext) {
        guard nextLook == nil else { return }
        let before = unsentBytes(context)
        nextLook = context.eventLoop.assumeIsolated().scheduleTask(in: .init(writePatience)) { [self] in
            nextLook = nil
            let now = unsentBytes(context)
            guard now < before, now > 0 || !isClosing else { return context.close(promise: nil) }
            if now > 0 { watchProgress(context) }
        }
    }

    private func unsentBytes(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    private func stopWaiting() {
        nextLook?.cancel()
        lastMoment?.cancel()
        (nextLook, lastMoment) = (nil, nil)
    }
}
