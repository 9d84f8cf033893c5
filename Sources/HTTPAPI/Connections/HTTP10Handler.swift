import NIOCore
import NIOHTTP1

/// Gives an HTTP/1.0 client what it can read: no chunks, and the end of the connection as the end of the answer.
///
/// Hummingbird does not see versions. It closes after a request that has `Connection: close`; NIO's encoder does not cut
/// a response of version 1.0 into chunks.
final class HTTP10Handler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private var isHTTP10 = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), head.version == .http1_0 else {
            return context.fireChannelRead(data)
        }
        isHTTP10 = true
        head.headers.replaceOrAdd(name: "connection", value: "close")
        // A 1.0 client that sends it does not mean it (RFC 9110, 10.1.1).
        head.headers.remove(name: "expect")
        context.fireUserInboundEventTriggered(DisconnectHandler.CannotBeAsked())
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isHTTP10, case .head(var head) = unwrapOutboundIn(data) else {
            return context.write(data, promise: promise)
        }
        head.version = .http1_0
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
