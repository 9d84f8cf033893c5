import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import HTTPAPI

/// The limits of a connection, on an event loop whose time the tests set.
@Suite struct ConnectionHandlerTests {
    private func closingChannel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(
            handler: ClosingHandler(writePatience: .seconds(60), shutdownPatience: .seconds(32)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private func fill(_ channel: EmbeddedChannel, bytes: Int) {
        channel.write(ByteBuffer(repeating: 0, count: bytes), promise: nil)
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
    }

    @Test func `a client that takes nothing for too long is disconnected`() throws {
        let channel = try closingChannel()
        fill(channel, bytes: 1000)
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func `a client that takes a little stays connected, until it takes nothing`() throws {
        let channel = try closingChannel()
        fill(channel, bytes: 1000)
        channel.flush()
        fill(channel, bytes: 999)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(!channel.isActive)
    }

    @Test func `a client that has taken enough is not watched`() throws {
        let channel = try closingChannel()
        fill(channel, bytes: 1000)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
    }

    @Test func `what was written before a connection is closed is still sent`() throws {
        let channel = try closingChannel()
        channel.write(ByteBuffer(string: "the end"), promise: nil)
        channel.close(promise: nil)
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "the end"))
        #expect(!channel.isActive)
    }

    @Test func `a shutdown closes every connection in the end`() throws {
        let channel = try closingChannel()
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        channel.embeddedEventLoop.advanceTime(by: .seconds(31))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test(arguments: [(1, 13), (500, 20)])
    func `a body may take longer the more of it comes`(bytesEvery5Seconds bytes: Int, steps: Int) throws {
        let pace = BodyPace(patience: .seconds(60), bytesPerSecond: 250)
        let channel = EmbeddedChannel(handler: RequestReadingHandler(pace: pace))
        let head = HTTPRequest(method: .post, scheme: "http", authority: "x", path: "/")
        try channel.writeInbound(HTTPRequestPart.head(head))
        var taken = 0
        while taken < 20, (try? channel.throwIfErrorCaught()) != nil {
            try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(repeating: 0, count: bytes)))
            channel.embeddedEventLoop.advanceTime(by: .seconds(5))
            taken += 1
        }
        #expect(taken == steps)
    }
}
