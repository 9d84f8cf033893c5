import Testing

@testable import HTTPAPI

@Suite struct ImageURLTests {
    @Test(arguments: [
        ("http://example.org/a.jpg", "http://example.org/a.jpg"),
        ("HTTP://EXAMPLE.org", "http://example.org/"),
        ("https://example.org:443/x", "https://example.org/x"),
        ("http://example.org:8080/x?y=1#z", "http://example.org:8080/x?y=1"),
        ("http://example.org.?q", "http://example.org/?q"),
        ("http://0x7f.1/a", "http://127.0.0.1/a"),
        ("http://2130706433:8080/a", "http://127.0.0.1:8080/a"),
        ("http://[::1]/a", "http://[0:0:0:0:0:0:0:1]/a"),
        ("http://[::ffff:10.0.0.1]:8080/", "http://[0:0:0:0:0:ffff:a00:1]:8080/"),
        ("https://example.org/ü.png", "https://example.org/%C3%BC.png"),
        ("https://example.org/a%20b", "https://example.org/a%20b"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ])
    func `an address is rebuilt from its parts`(text: String, rebuilt: String) throws {
        #expect(try ImageURL(text).text == rebuilt)
        #expect(try ImageURL(ImageURL(text).text).text == rebuilt)
    }

    @Test(arguments: [
        ("", "url_not_allowed"), ("cat.jpg", "url_not_allowed"), ("file:///etc/passwd", "url_not_allowed"),
        ("ftp://example.org/a", "url_not_allowed"), ("gopher://example.org/", "url_not_allowed"),
        ("javascript:alert(1)", "url_not_allowed"), ("unix:///var/run/docker.sock", "url_not_allowed"),
        ("http+unix://%2Fvar%2Frun/x", "url_not_allowed"), ("http://user@example.org/", "url_not_allowed"),
        ("http://user:pass@example.org/", "url_not_allowed"), ("http://a@127.0.0.1:80@example.org/", "url_not_allowed"),
        ("http:", "invalid_url"), ("http:/example.org", "invalid_url"), ("http://", "invalid_url"),
        ("http:///a", "invalid_url"), ("http://:80/", "invalid_url"), ("http://.example.org/", "invalid_url"),
        ("http://a..b/", "invalid_url"), ("http://exa mple.org/", "invalid_url"),
        ("http://example.org/a b", "invalid_url"),
        ("http://example.org\\@127.0.0.1/", "invalid_url"), ("http://example.org/\n", "invalid_url"),
        ("http://example.org\t/", "invalid_url"), ("http://example.org:0/", "invalid_url"),
        ("http://example.org:65536/", "invalid_url"), ("http://example.org:8x/", "invalid_url"),
        ("http://example.org:-1/", "invalid_url"), ("http://[::1/", "invalid_url"), ("http://[::1]x/", "invalid_url"),
        ("http://[127.0.0.1]/", "invalid_url"), ("http://[fe80::1%25eth0]/", "invalid_url"),
        ("http://ex%61mple.org/", "invalid_url"),
        ("http://bücher.example/", "invalid_url"), ("http://①②⑦.0.0.1/", "invalid_url"),
        ("http://1.2.3.4.5/", "invalid_url"),
        ("http://4294967296/", "invalid_url"), ("http://" + String(repeating: "a", count: 9000), "invalid_url"),
    ])
    func `an address that is not plainly http is refused`(text: String, code: String) {
        let error = #expect(throws: FetchError.self) { try ImageURL(text) }
        #expect(error?.code == code)
        #expect((error?.description.utf8.count ?? 0) < 600)
    }

    @Test(arguments: [
        "http://127.0.0.1/a.jpg", "http://[::1]/", "http://0x7f000001/", "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/", "http://8.8.8.8:22/", "http://example.org:6379/",
    ])
    func `the policy refuses private addresses and odd ports before anybody is asked`(text: String) throws {
        let url = try ImageURL(text)
        let error = #expect(throws: FetchError.self) { try FetchPolicy().check(url) }
        #expect(error?.code == "url_not_allowed")
    }

    @Test func `an allowed host may be private and have any port, and only it`() throws {
        var policy = FetchPolicy()
        policy.allowedHosts = ["127.0.0.1", "images.internal"]
        try policy.check(ImageURL("http://127.0.0.1:9999/"))
        try policy.check(ImageURL("http://0x7f.1:9999/"))
        try policy.check(ImageURL("http://images.internal:81/"))
        try policy.check([.v4(0x0A00_0001)], of: ImageURL("http://images.internal/"))
        #expect(throws: FetchError.self) { try policy.check(ImageURL("http://127.0.0.2/")) }
        #expect(throws: FetchError.self) { try policy.check([.v4(0x0A00_0001)], of: ImageURL("http://example.org/")) }
    }

    @Test func `one private address among public ones refuses the host`() throws {
        let url = try ImageURL("http://example.org/")
        try FetchPolicy().check([.v4(0x0808_0808)], of: url)
        #expect(throws: FetchError.self) { try FetchPolicy().check([.v4(0x0808_0808), .v4(0x7F00_0001)], of: url) }
    }

    @Test func `a server that takes data URLs only refuses every address`() throws {
        var policy = FetchPolicy()
        policy.isEnabled = false
        policy.allowedHosts = ["example.org"]
        let url = try ImageURL("https://example.org/")
        #expect(throws: FetchError.self) { try policy.check(url) }
    }

    @Test(arguments: [
        ("/b", "http://h.example:8080/b"), ("c.jpg", "http://h.example:8080/x/c.jpg"),
        ("?q", "http://h.example:8080/x/y?q"),
        ("//other.example/z", "http://other.example/z"), ("https://other.example/", "https://other.example/"),
        ("../up", "http://h.example:8080/x/../up"),
    ])
    func `a redirect's location is resolved against where it came from`(location: String, result: String) throws {
        #expect(try ImageURL("http://h.example:8080/x/y?z").following(location).text == result)
    }

    @Test(arguments: [
        ("localhost", "http://LOCALHOST./"), ("LOCALHOST.", "http://localhost/"), ("::1", "http://[::1]:9/"),
        ("a, [0:0::1] ,b", "http://[::1]/"), ("127.1", "http://0x7f000001/"),
        ("images.example.org", "https://images.example.org:8443/x"),
    ])
    func `hosts that the operator names are found however either is spelled`(list: String, url: String) throws {
        #expect(try FetchPolicy.hosts(in: list).contains(ImageURL(url).host))
    }

    @Test(arguments: ["localhost:80", "[::1]:80", "http://a", "a/b", "a#b", "u@a", "1.2.3.256", "*.org", "[a]", "::g"])
    func `what is no host is not taken for one`(name: String) {
        #expect(throws: FetchPolicy.UnknownHost(name: name)) { try FetchPolicy.hosts(in: "localhost, \(name)") }
    }
}
