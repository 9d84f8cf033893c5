import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Bounds how long a client may take to send a request, and tells it when the connection will not serve another.
///
/// An error that goes on from here ends Hummingbird's reading: whoever reads the body gets it thrown, the answer is still
/// sent, and then the connection is closed.
final class RequestReadingHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Sent down the pipeline by whoever is about to read a body that the client holds back until it is asked for.
    struct BodyWanted: Sendable {}

    /// A request whose end has not come yet.
    private struct Unfinished {
        let begin: NIODeadline
        var bytes = 0
        /// `Expect: 100-continue`, and nobody has asked for the body.
        var isHeldBack: Bool
    }

    private let pace: BodyPace
    private var request: Unfinished?
    private var unanswered = 0
    private var isLastAnswer = false
    private var deadline: Scheduled<Void>?

    init(pace: BodyPace) { self.pace = pace }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            unanswered += 1
            request = Unfinished(
                begin: context.eventLoop.now,
                isHeldBack: head.headerFields[.expect]?.lowercased() == "100-continue")
        case .body(let bytes):
            request?.bytes += bytes.readableBytes
        case .end:
            request = nil
            deadline?.cancel()
            deadline = nil
        }
        context.fireChannelRead(data)
    }

    /// Most requests have come whole by now and need no timer.
    func channelReadComplete(context: ChannelHandlerContext) {
        if deadline == nil, !isLastAnswer { awaitEnd(context) }
        context.fireChannelReadComplete()
    }

    private func awaitEnd(_ context: ChannelHandlerContext) {
        guard let request else { return }
        let due = request.begin + pace.limit(after: request.bytes)
        guard context.eventLoop.now < due else { return giveUp(context, .bodyTooSlow) }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [self] in awaitEnd(context) }
    }

    private func giveUp(_ context: ChannelHandlerContext, _ error: APIError) {
        isLastAnswer = true
        context.fireErrorCaught(error)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Nothing was accepted yet; Hummingbird would wait for the rest.
        if event is ChannelShouldQuiesceEvent, request != nil { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    /// Hummingbird's own answer to what is not HTTP has no body, and none is sent when a body's chunks are broken.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError || error is HostHandler.InvalidHost else {
            return context.fireErrorCaught(error)
        }
        if unanswered == 0 {
            let body = ByteBuffer(string: APIError.notHTTP.json.text)
            let head = HTTPResponse(
                status: APIError.notHTTP.status,
                headerFields: [
                    .contentType: "application/json", .contentLength: String(body.readableBytes), .connection: "close",
                ])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(body)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        giveUp(context, .notHTTP)
    }

    // MARK: Answering

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyWanted else { return context.triggerUserOutboundEvent(event, promise: promise) }
        if let request, request.isHeldBack, request.bytes == 0 {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        request?.isHeldBack = false
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            // Whether a client that was not asked for its body sends it all the same cannot be known.
            if request?.isHeldBack == true { isLastAnswer = true }
            if isLastAnswer { head.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            unanswered -= 1
            context.write(data, promise: promise)
            if isLastAnswer { context.fireErrorCaught(ChannelError.inputClosed) }
        }
    }
}

extension APIError {
    fileprivate static let bodyTooSlow = APIError(
        .requestTimeout, type: "RequestTimeoutError", "The body came too slowly; send the request again.")
    fileprivate static let notHTTP = APIError.malformed(
        "The request is not valid HTTP/1.1, or its head is too long.", param: nil)
}
