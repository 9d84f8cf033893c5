import ArgumentParser
import FoundationEssentials
import HTTPAPI

/// Who may ask a server, and how much.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A key that clients must present as \"Authorization: Bearer …\".", valueName: "key"))
    var apiKey: String?

    @Option(
        help: ArgumentHelp(
            "A file of keys, one a line: a name, the key or sha256:HEX, and, if it has its own, rate=N and concurrent=N.",
            valueName: "file"))
    var apiKeys: String?

    @Option(
        help: ArgumentHelp("Requests a minute with one key; with all together where there are no keys.", valueName: "n")
    )
    var keyRate: Int?

    @Option(help: ArgumentHelp("Requests that are open at the same time with one key.", valueName: "n"))
    var keyConcurrency: Int?

    @Option(
        help: ArgumentHelp(
            "Seconds that somebody may have to wait for an answer; who would wait longer is sent away.",
            valueName: "seconds"))
    var maxWait = Int(ServerConfiguration().maxWaitingTime / .seconds(1))

    func validate() throws {
        do { _ = try keys() } catch { throw ValidationError("--api-keys: \(error)") }
        for (name, value) in [("--key-rate", keyRate), ("--key-concurrency", keyConcurrency), ("--max-wait", maxWait)] {
            guard value.map({ (1...1_000_000).contains($0) }) ?? true else {
                throw ValidationError("\(name) is \(value ?? 0), expected 1 to 1000000.")
            }
        }
    }

    func apply(to configuration: inout ServerConfiguration) throws {
        configuration.apiKeys = apiKey.map { [$0] } ?? []
        configuration.clientKeys = try keys()
        configuration.clientLimits = .init(requestsPerMinute: keyRate, concurrentRequests: keyConcurrency)
        configuration.maxWaitingTime = .seconds(maxWait)
    }

    /// An empty file would let everybody in.
    private func keys() throws -> [ClientKey] {
        guard let apiKeys else { return [] }
        let keys: [ClientKey]
        do { keys = try ClientKey.keys(in: String(contentsOfFile: apiKeys, encoding: .utf8)) } catch {
            throw CommandError.unreadableKeys(path: apiKeys, reason: "\(error)")
        }
        guard !keys.isEmpty else { throw CommandError.unreadableKeys(path: apiKeys, reason: "it has no key") }
        return keys
    }
}
