import Foundation
import LoopbackHub
import Testing

@testable import ModelHub

/// What hubs answer instead of a file, and where they send us.
struct RefusalTests {
    @Test(arguments: [(401, false, "set HF_TOKEN"), (401, true, "does the token"), (403, true, "terms")])
    func `a refusal says what to do about it, and is not asked for again`(
        status: Int, hasToken: Bool, advice: String
    ) async throws {
        let bench = try PullBench(onHub: { _, _ in
            HubReply(status, headers: ["X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"])
        })
        let failure = await bench.failure(environment: hasToken ? ["HF_TOKEN": "hf_s3cret"] : [:])
        let text = failure.text
        #expect(text.contains(advice) && text.contains("restricted") && !text.contains("s3cret"), "\(text)")
        #expect(bench.hub.requests.count == 1)
    }

    @Test func `what a hub says cannot steer a terminal`() {
        let error = HubError.notFound(
            url: "u\u{1B}[2J", reason: "\u{9B}31m\nDone." + String(repeating: "x", count: 999))
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x9B })
        #expect(error.description.count < 600)
    }

    @Test func `a model, revision or file that is not there is told with the hub's own word`() async throws {
        let bench = try PullBench(onHub: { _, _ in HubReply(404, headers: ["X-Error-Code": "RevisionNotFound"]) })
        let failure = await bench.failure("owner/model@nightly")
        guard case .notFound(let url, "RevisionNotFound") = failure else { return #expect(Bool(false)) }
        #expect(url == "\(bench.hub.url)/api/models/owner/model/revision/nightly")
        #expect(bench.hub.requests.count == 1)
    }

    @Test(
        arguments: [
            ([:], [1, 2]), (["Retry-After": "7"], [7, 7]), (["RateLimit": #""api";r=0;t=55"#], [55, 55]),
            (["Retry-After": "0"], [1, 2]), (["Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"], [1, 2]),
        ] as [([String: String], [Int])])
    func `a busy hub is asked again after the time that it asks for`(headers: [String: String], pauses: [Int])
        async throws
    {
        for status in [429, 503] {
            let bench = try PullBench(onHub: { request, honest in
                request.isListing && request.number < 2 ? HubReply(status, headers: headers) : honest
            })
            _ = try await bench.pull()
            #expect(bench.pauses == pauses.map { .seconds($0) })
        }
    }

    @Test func `a hub that asks for too long a wait is given up, and so is one that stays busy`() async throws {
        let patient = try PullBench(onHub: { _, _ in HubReply(429, headers: ["Retry-After": "86400"]) })
        #expect((await patient.failure()).text.contains("come back in 86400 s"))
        #expect(patient.hub.requests.count == 1 && patient.pauses == [])
        let busy = try PullBench(onHub: { _, _ in HubReply(500) })
        guard case .busy(_, 500, nil) = await busy.failure() else { return #expect(Bool(false)) }
        #expect(busy.hub.requests.count == RetryPatience.mostTriesInVain + 1)
    }

    @Test func `the token goes to the hub and never to the host of its files`() async throws {
        let bench = try PullBench()
        _ = try await bench.pull(environment: ["HF_TOKEN": " hf_s3cret\n"])
        #expect(bench.hub.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_s3cret" })
        #expect(bench.hub.fileRequests.count == 1)
        #expect(bench.hub.fileRequests.allSatisfy { $0.headers["authorization"] == nil })
        #expect(bench.hub.requests.allSatisfy { $0.headers["accept-encoding"] == "identity" })
    }

    @Test func `an address that has expired is asked for anew, and its signature stays out of messages`() async throws {
        let bench = try PullBench(onFiles: { request, honest in request.number == 0 ? HubReply(403) : honest })
        _ = try await bench.pull()
        #expect(bench.hub.requests.count { $0.target.hasSuffix("model.safetensors") } == 2)
        let told = bench.events.compactMap { if case .retrying(_, let reason) = $0 { reason } else { nil } }
        #expect(told.count == 1 && !told[0].contains("s3cret"), "\(told)")
    }

    @Test func `redirects on the hub itself are followed, with the token`() async throws {
        let bench = try PullBench(onHub: { request, honest in
            request.target.contains("resolve") && !request.target.contains("moved")
                ? HubReply(307, headers: ["Location": "\(request.target)?moved"]) : honest
        })
        let folder = try await bench.pull(environment: ["HF_TOKEN": "t"])
        #expect(bench.content(folder + "/model.safetensors") == HubRepository.weights)
        #expect(bench.hub.requests.allSatisfy { $0.headers["authorization"] == "Bearer t" })
    }

    @Test func `redirects without an end are given up`() async throws {
        let bench = try PullBench(onHub: { request, _ in HubReply(302, headers: ["Location": request.target]) })
        guard case .tooManyRedirects(_, 5) = await bench.failure() else { return #expect(Bool(false)) }
        #expect(bench.hub.requests.count == 6)
    }

    @Test(arguments: [
        "file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:word@127.0.0.1/", "http://", "javascript:x",
    ])
    func `a redirect to what is no plain web address is refused`(location: String) async throws {
        let bench = try PullBench(onHub: { _, _ in HubReply(302, headers: ["Location": location]) })
        guard case .badRedirect = await bench.failure() else { return #expect(Bool(false)) }
        #expect(bench.hub.requests.count == 1)
    }

    @Test func `encryption is not given up on the way`() throws {
        let hub = try #require(HubURL("https://hub.example/x"))
        #expect(throws: HubError.self) { try hub.following("http://hub.example/y") }
        #expect(try hub.following("/y?z=1").text == "https://hub.example/y?z=1")
        #expect(try hub.following("//cdn.example/y").origin.host == "cdn.example")
        #expect(try #require(HubURL("http://hub.example:80/x")).origin == HubURL("HTTP://Hub.Example")?.origin)
        #expect(try hub.following("https://hub.example:444/").origin != hub.origin)
    }

    @Test func `a hub that is not there is told by its address`() async throws {
        let bench = try PullBench()
        bench.hub.stop()
        guard case .unreachable(let url, _) = await bench.failure(environment: ["HF_ENDPOINT": "http://127.0.0.1:1"])
        else {
            return #expect(Bool(false))
        }
        #expect(url.hasPrefix("http://127.0.0.1:1/api/models/owner/model"))
    }
}
