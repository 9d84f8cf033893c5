import Testing

@testable import HTTPAPI

struct ClientKeyTests {
    @Test func `a file names clients, keys or their hashes, and limits`() throws {
        // printf 's3cret' | sha256sum
        let hash = "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0"
        let keys = try ClientKey.keys(
            in: """
                # name  key
                alice   s3cret   rate=60 concurrent=4   # comment

                bob\tsha256:\(hash.uppercased().replacing("1EC1", with: "0ec1"))
                carol   sk-1     concurrent=2
                """)
        #expect(keys.map(\.name) == ["alice", "bob", "carol"])
        #expect(keys[0].limits == ClientLimits(requestsPerMinute: 60, concurrentRequests: 4))
        #expect(keys[1].limits == nil && keys[2].limits?.concurrentRequests == 2)
        #expect(keys[0].hash.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == hash)
        #expect(keys[1].hash.dropFirst(2) == keys[0].hash.dropFirst(2) && keys[1].hash[0] == 0x0e)
    }

    @Test(arguments: [
        ("alice", 1), ("\na k\na j", 3), ("a k\nb k", 2), ("a sha256:12", 1), ("a k rate=0", 1), ("a k rate", 1),
        ("a k speed=1", 1), ("a k rate=1.5", 1), ("a sha256:" + String(repeating: "g", count: 64), 1),
    ])
    func `a line that is wrong is named, and not shown`(text: String, line: Int) {
        #expect { _ = try ClientKey.keys(in: text) } throws: { error in
            (error as? ClientKeyError)?.line == line
        }
    }
}

struct ClientUseTests {
    private let start = ContinuousClock.now

    private func refusal(_ use: ClientUse, _ limits: ClientLimits, at seconds: Double) -> Int? {
        do { _ = try use.enter("c", limits, at: start + .seconds(seconds)) } catch { return error.retryAfter }
        return nil
    }

    @Test func `ten seconds' worth may come at once, and then what the rate allows`() {
        let use = ClientUse()
        let limits = ClientLimits(requestsPerMinute: 30)
        for _ in 0..<5 { #expect(refusal(use, limits, at: 0) == nil) }
        #expect(refusal(use, limits, at: 0) == 2)
        #expect(refusal(use, limits, at: 1.5) == 1)
        #expect(refusal(use, limits, at: 2) == nil)
        #expect(refusal(use, limits, at: 2) == 2)
        // Nothing is saved up beyond the burst.
        for _ in 0..<5 { #expect(refusal(use, limits, at: 1000) == nil) }
        #expect(refusal(use, limits, at: 1000) == 2)
    }

    @Test func `who comes when it was told to come is served`() throws {
        let use = ClientUse()
        let limits = ClientLimits(requestsPerMinute: 7)
        var now = 0.0
        for _ in 0..<50 {
            while let wait = refusal(use, limits, at: now) { now += Double(wait) }
        }
        // 50 requests at 7 a minute, and at most a second lost by rounding with each.
        let fastest = 49.0 * 60 / 7 - 1
        #expect(now >= fastest && now <= fastest + 51, "\(now)")
    }

    @Test func `the headers' numbers are those of the bucket`() throws {
        let use = ClientUse()
        let limits = ClientLimits(requestsPerMinute: 60)
        let first = try use.enter("c", limits, at: start).allowance
        #expect(first == .init(limit: 60, remaining: 9, reset: .seconds(1)))
        #expect(try use.enter("other", limits, at: start).allowance == first)
        #expect(try use.enter("c", limits, at: start).allowance == .init(limit: 60, remaining: 8, reset: .seconds(2)))
    }

    @Test func `places are counted for each client and given back once`() throws {
        let use = ClientUse()
        let limits = ClientLimits(concurrentRequests: 1)
        let (place, allowance) = try use.enter("a", limits)
        #expect(allowance == nil)
        #expect(throws: APIError.self) { try use.enter("a", limits) }
        _ = try use.enter("b", limits)
        place.leave()
        place.leave()
        #expect(use.openRequests == 0)
        _ = try use.enter("a", limits)
    }
}

struct AdmissionTests {
    @Test func `before anything is known only the number counts`() throws {
        let admission = Admission(limit: 2)
        let places = try [admission.enter(work: 1e9), admission.enter(work: 1e9)]
        #expect { _ = try admission.enter(work: 1) } throws: { ($0 as? APIError)?.retryAfter == 2 }
        places[0].leave(isDone: true)
        places[0].leave(isDone: true)
        #expect(admission.waiting == 1)
    }

    @Test func `who would wait too long is told when it will not`() throws {
        let clock = SteppedClock()
        let admission = Admission(limit: 100, maxWait: .seconds(60)) { clock.now }
        var places = [try admission.enter(work: 100)]
        clock.advance(by: .seconds(10))
        places.removeFirst().leave(isDone: true)
        // Ten a second from now on. A request that is alone may take as long as it does.
        places.append(try admission.enter(work: 550))
        places.append(try admission.enter(work: 50))
        #expect { _ = try admission.enter(work: 150) } throws: { ($0 as? APIError)?.retryAfter == 15 }
        _ = places
    }

    @Test func `what was given up does not count as done`() throws {
        let clock = SteppedClock()
        let admission = Admission(limit: 100, maxWait: .seconds(60)) { clock.now }
        let first = try admission.enter(work: 100)
        clock.advance(by: .seconds(10))
        first.leave(isDone: false)
        let second = try admission.enter(work: 1e6)
        _ = try admission.enter(work: 1e6)
        _ = second
    }

    @Test func `idle time makes nobody look slower`() throws {
        let clock = SteppedClock()
        let admission = Admission(limit: 100, maxWait: .seconds(60)) { clock.now }
        let first = try admission.enter(work: 100)
        clock.advance(by: .seconds(10))
        first.leave(isDone: true)
        clock.advance(by: .seconds(100_000))
        let alone = try admission.enter(work: 500)
        _ = try admission.enter(work: 90)
        _ = alone
    }
}
