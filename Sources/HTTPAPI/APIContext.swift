import Hummingbird
import NIOCore

/// What belongs to one request on its way through the server.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The client's `X-Request-Id`, or one of ours.
    var requestID = ""
    /// Whose key the request has; nil where none is asked for.
    var client: ClientKey?
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Tells a client that waits for it (`Expect: 100-continue`) to send the body.
    func askForBody() { channel.triggerUserOutboundEvent(RequestReadingHandler.BodyWanted(), promise: nil) }

    /// The end of the client's side of the connection.
    func disconnection() async -> Disconnection? { await DisconnectHandler.disconnection(of: channel) }
}
