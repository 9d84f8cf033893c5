import Models
import Testing

@testable import Inference

struct ImageCacheTests {
    private let images = (0..<4).map { Requests.image($0, tokens: 1) }

    /// As a request does that shows `index`: come, encode unless that was done, go.
    private func show(_ index: Int, _ cache: inout ImageCache<Int, String>) {
        cache.retain(images[index])
        cache.store("features \(index)", byteCount: 10, of: images[index].hash)
        cache.release(images[index].hash)
    }

    @Test func `pixels go when features come, and both stay as long as somebody shows the image`() {
        var cache = ImageCache<Int, String>(capacity: 0)
        let hash = images[1].hash
        cache.retain(images[1])
        cache.retain(images[1])
        #expect(cache.pixels(of: hash) != nil)
        cache.store("features", byteCount: 10, of: hash)
        #expect(cache.pixels(of: hash) == nil)
        cache.release(hash)
        #expect(cache.features(of: hash) == "features")
        cache.release(hash)
        #expect(cache.features(of: hash) == nil)
        #expect(cache.byteCount == 0)
        #expect(cache.lookups == 2)
        #expect(cache.hits == 1)
    }

    @Test func `an encoding that has begun is kept until it is done, begins anew or nobody wants it`() {
        var cache = ImageCache<Int, String>(capacity: 100)
        let hash = images[0].hash
        cache.retain(images[0])
        cache.retain(images[0])
        #expect(cache.encoding(of: hash) == nil)
        cache.keep(1, of: hash)
        cache.release(hash)
        cache.keep(2, of: hash)
        #expect(cache.encoding(of: hash) == 2)
        #expect(!cache.isEncoded(hash))
        cache.keep(nil, of: hash)
        #expect(cache.encoding(of: hash) == nil)
        cache.keep(3, of: hash)
        cache.release(hash)
        #expect(cache.encoding(of: hash) == nil)
        cache.keep(4, of: hash)
        cache.retain(images[0])
        #expect(cache.encoding(of: hash) == nil)
        cache.store("features", byteCount: 10, of: hash)
        cache.keep(5, of: hash)
        #expect(cache.features(of: hash) == "features")
    }

    @Test func `an image that was never encoded leaves nothing behind`() {
        var cache = ImageCache<Int, String>(capacity: 100)
        cache.retain(images[0])
        cache.release(images[0].hash)
        #expect(cache.pixels(of: images[0].hash) == nil)
    }

    @Test func `the image longest unused goes first`() {
        var cache = ImageCache<Int, String>(capacity: 20)
        show(0, &cache)
        show(1, &cache)
        show(0, &cache)
        show(2, &cache)
        #expect(images.map { cache.isEncoded($0.hash) } == [true, false, true, false])
        #expect(cache.byteCount == 20)
    }

    @Test func `features in use never go, even beyond the capacity`() {
        var cache = ImageCache<Int, String>(capacity: 15)
        for index in 0..<3 {
            cache.retain(images[index])
            cache.store("features", byteCount: 10, of: images[index].hash)
        }
        #expect(cache.byteCount == 30)
        cache.release(images[0].hash)
        #expect(cache.byteCount == 20)
        #expect(!cache.isEncoded(images[0].hash))
    }
}
