import Foundation
import Testing

@testable import ModelHub

struct HubSettingsTests {
    @Test(arguments: [
        (["HOME": "/h"], "/h/.cache/huggingface/hub"), (["HOME": "/h", "XDG_CACHE_HOME": "/c"], "/c/huggingface/hub"),
        (["HOME": "/h", "HF_HOME": "/f"], "/f/hub"), (["HOME": "/h", "HF_HOME": "~/f"], "/h/f/hub"),
        (["HF_HOME": "/f", "HF_HUB_CACHE": "/k"], "/k"), (["HF_HOME": "/f", "HUGGINGFACE_HUB_CACHE": "/k"], "/k"),
        (["HF_HUB_CACHE": "/j", "HUGGINGFACE_HUB_CACHE": "/k"], "/j"),
        (["HF_HUB_CACHE": "", "HF_HOME": "/f"], "/f/hub"),
    ])
    func `the cache is where Hugging Face's tools have it`(environment: [String: String], folder: String) {
        #expect(HubCache(environment: environment).folder == folder)
    }

    @Test func `the public hub is asked unless another is named`() throws {
        #expect(try HubSettings(environment: [:]).endpoint.text == "https://huggingface.co")
        let mirror = try HubSettings(environment: ["HF_ENDPOINT": "http://10.0.0.7:8080/hf/"]).endpoint
        #expect(try mirror.appending("/api").text == "http://10.0.0.7:8080/hf/api")
    }

    @Test(arguments: ["hub", "ftp://hub", "http://", "https://me:pw@hub", "https://hub?x=1"])
    func `an endpoint that is no address is refused`(endpoint: String) {
        #expect(throws: HubError.self) { try HubSettings(environment: ["HF_ENDPOINT": endpoint]) }
    }

    @Test func `the token is the variable's, else the one that was stored at login`() throws {
        let home = NSTemporaryDirectory() + "docent-token-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }
        #expect(try HubSettings(environment: ["HF_HOME": home]).token == nil)
        try Data("stored\n".utf8).write(to: URL(filePath: home + "/token"))
        #expect(try HubSettings(environment: ["HF_HOME": home]).token == "stored")
        #expect(try HubSettings(environment: ["HF_HOME": home, "HF_TOKEN": "given"]).token == "given")
    }

    @Test(arguments: ["a b", "a\r\nX-Evil: 1", "tökén"]) func `a token that could become two headers is refused`(
        token: String
    ) {
        #expect(throws: HubError.self) { try HubSettings(environment: ["HF_TOKEN": token]) }
    }

    @Test(arguments: [("1", true), ("TRUE", true), ("yes", true), ("0", false), ("", false), ("no", false)])
    func `the network can be forbidden`(value: String, isOffline: Bool) throws {
        #expect(try HubSettings(environment: ["HF_HUB_OFFLINE": value]).isOffline == isOffline)
    }
}
