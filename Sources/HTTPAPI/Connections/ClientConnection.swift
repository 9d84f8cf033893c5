import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// Hummingbird's HTTP/1.1 connection, with handlers around it so that no client can hold it for ever.
///
/// ```
/// socket ─ ClosingHandler ─ encoder, decoder ─ HostHandler ─ HTTP10Handler ─ codec
///        ─ DisconnectHandler ─ RequestReadingHandler ─ Hummingbird
/// ```
struct ClientConnection: ServerChildChannel {
    private let connection: HTTP1Channel
    private let configuration: ServerConfiguration

    init(responder: @escaping HTTPChannelHandler.Responder, configuration: ServerConfiguration) {
        self.configuration = configuration
        let pace = BodyPace(patience: configuration.bodyPatience, bytesPerSecond: configuration.bodyBytesPerSecond)
        connection = HTTP1Channel(
            responder: responder,
            configuration: .init(
                additionalChannelHandlers: [DisconnectHandler(), RequestReadingHandler(pace: pace)],
                idleTimeout: .init(configuration.idleTimeout),
                httpDecoderConfiguration: .init(maxHeaderFieldSize: 32 << 10, maxHeaderFieldCount: 200)))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        connection.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(HTTP10Handler(), position: .after(decoder))
            try pipeline.addHandler(HostHandler(), position: .after(decoder))
            let closing = ClosingHandler(
                writePatience: configuration.writePatience,
                shutdownPatience: configuration.drainPatience + configuration.closingPatience)
            try pipeline.addHandler(closing, position: .first)
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await connection.handle(value: value, logger: logger)
    }
}
