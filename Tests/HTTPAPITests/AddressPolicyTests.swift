import Testing

@testable import HTTPAPI

@Suite struct AddressPolicyTests {
    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
        "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.0.1", "172.16.0.1",
        "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1",
        "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
    ])
    func `an IPv4 address of no public network is refused`(text: String) throws {
        #expect(try !AddressPolicy.isPublic(#require(IPAddress(text))))
    }

    @Test(arguments: [
        "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::192.168.0.1",
        "64:ff9b:1::8.8.8.8", "64:ff9b:1:7f00:0:100:808:808", "100::1",
        "2001::1", "2001:0:53aa:64c::1", "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1",
        "2002:a9fe:a9fe::", "3fff::1", "fc00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1",
        "ff02::1", "ff0e::1", "4000::1", "5f00::1",
    ])
    func `an IPv6 address of no public network is refused`(text: String) throws {
        #expect(try !AddressPolicy.isPublic(#require(IPAddress(text))))
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "168.63.129.15", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255",
        "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
    ])
    func `a public address is allowed, and so are the neighbours of every range`(text: String) throws {
        #expect(try AddressPolicy.isPublic(#require(IPAddress(text))))
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"), ("127.0.1", "127.0.0.1"), ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"), ("0X7F.1", "127.0.0.1"), ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"), ("0x7f.0x0.0x0.0x1", "127.0.0.1"), ("0", "0.0.0.0"), ("0x", "0.0.0.0"),
        ("10.1", "10.0.0.1"), ("0xa9fea9fe", "169.254.169.254"), ("2852039166", "169.254.169.254"),
        ("0251.0376.0251.0376", "169.254.169.254"), ("172.1048577", "172.16.0.1"), ("192.168.257", "192.168.1.1"),
        ("8.8.2056", "8.8.8.8"),
    ])
    func `every numeric spelling of an IPv4 address is read as resolvers read it`(text: String, canonical: String) {
        #expect(IPAddress.spelled(text) == .some(IPAddress(canonical)))
    }

    @Test(arguments: [
        "4294967296", "1.2.3.256", "1.2.3.4.5", "256.1", "1.16777216", "1.2.65536", "09", "1.2.3.08", "0xg", "a.0x1",
        "example.9", "1..2",
    ])
    func `a number that is no address is not taken for a name`(text: String) {
        #expect(IPAddress.spelled(text) == .some(nil))
    }

    @Test(arguments: ["example.org", "1.example", "x1", "1a", "0xample.org", "a.b.c.d"])
    func `a name is not taken for a number`(text: String) {
        #expect(IPAddress.spelled(text) == nil)
    }
}
