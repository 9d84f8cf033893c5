import NIOCore
import NIOHTTP1

/// Refuses a request of HTTP/1.1 that does not say, once and in the form of a host, whom it is for (RFC 9112, 3.2).
///
/// Nothing here depends on the name; what stands before or behind this server may, and two readers that take different
/// names from one request are how requests are smuggled.
final class HostHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    struct InvalidHost: Error {}

    private var hasRefused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasRefused else { return }
        if case .head(let head) = unwrapInboundIn(data), !Self.isAcceptable(head) {
            hasRefused = true
            return context.fireErrorCaught(InvalidHost())
        }
        context.fireChannelRead(data)
    }

    private static func isAcceptable(_ head: HTTPRequestHead) -> Bool {
        let hosts = head.headers["host"]
        if hosts.isEmpty { return head.version == .http1_0 }
        return hosts.count == 1 && hosts[0].utf8.allSatisfy(isAllowed)
    }

    /// Of a registered name, an address or a port (RFC 3986, 3.2.2).
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~%!$&'()*+,;=:[]".utf8.contains(byte)
        }
    }
}
