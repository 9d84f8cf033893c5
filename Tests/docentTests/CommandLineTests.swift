import Foundation
import Testing

@testable import docent

struct EnvironmentTwinsTests {
    private func expand(_ line: String, _ environment: [String: String]) -> String {
        EnvironmentTwins(environment: environment).expand(line.split(separator: " ").map(String.init)).joined(
            separator: " ")
    }

    private static let expansions: [(line: String, environment: [String: String], expected: String)] = [
        ("caption d", ["DOCENT_MAX_TOKENS": "9"], "caption --max-tokens=9 d"),
        ("caption d --model m", ["DOCENT_MODEL": "n"], "caption --model=n d --model m"),
        ("caption d --prompt p", ["DOCENT_RECIPE": "tags", "DOCENT_THREADS": "2"], "caption --threads=2 d --prompt p"),
        ("caption d", ["DOCENT_PORT": "1", "DOCENT_MODEL": ""], "caption d"),
        ("jobs list", ["DOCENT_JSON": "1"], "jobs list --json"), ("jobs list", ["DOCENT_JSON": "0"], "jobs list"),
        ("jobs list --database=d", ["DOCENT_SERVER": "s"], "jobs list --database=d"),
        ("jobs list", ["DOCENT_SERVER": "s", "DOCENT_DATABASE": "d"], "jobs list --server=s"),
        ("jobs list", ["DOCENT_SERVER": "", "DOCENT_DATABASE": "d"], "jobs list --database=d"),
        ("caption d", ["DOCENT_RECIPE": "tags", "DOCENT_PROMPT": "-x"], "caption --prompt=-x d"),
        ("bench", ["DOCENT_JSON": "1"], "bench"), ("bench", ["DOCENT_JSON": "f.json"], "bench --json=f.json"),
        ("--version", ["DOCENT_MODEL": "m"], "--version"), ("jobs", ["DOCENT_JSON": "1"], "jobs"),
    ]

    @Test(arguments: expansions)
    func `a variable stands before the flags that are given`(
        line: String, environment: [String: String], expected: String
    ) {
        #expect(expand(line, environment) == expected)
    }

    @Test(.timeLimit(.minutes(5))) func `every option of every subcommand has its twin`() async throws {
        let help = try await DocentProcess().run("--experimental-dump-help").output
        struct Dump: Decodable { let command: Command }
        struct Command: Decodable {
            let commandName: String
            let subcommands: [Command]?
            let arguments: [Argument]?
        }
        struct Argument: Decodable {
            let kind: String
            let names: [Name]?
            struct Name: Decodable { let name: String }
        }
        func check(_ command: Command, path: [String]) {
            let path = path + [command.commandName]
            for inner in command.subcommands ?? [] where inner.commandName != "help" { check(inner, path: path) }
            guard command.subcommands?.isEmpty ?? true else { return }
            let options = (command.arguments ?? []).filter { $0.kind != "positional" }
                .compactMap { $0.names?.first?.name }.filter { !["h", "help", "version"].contains($0) }
            let known = EnvironmentTwins.options[path.dropFirst().joined(separator: " ")]
            #expect(known?.sorted() == options.sorted(), "\(path)")
        }
        check(try JSONDecoder().decode(Dump.self, from: Data(help.utf8)).command, path: [])
    }
}

struct DatabaseOptionsTests {
    @Test(arguments: [
        (["DOCENT_HOME": "/a", "XDG_STATE_HOME": "/b", "HOME": "/c"], "/a/docent.sqlite"),
        (["DOCENT_HOME": "", "XDG_STATE_HOME": "/b", "HOME": "/c"], "/b/docent/docent.sqlite"),
        (["HOME": "/c"], "/c/.local/state/docent/docent.sqlite"),
    ])
    func `the database has its place in the home that is given`(environment: [String: String], expected: String) {
        #expect(DatabaseOptions.defaultPath(environment) == expected)
    }
}

struct ServeAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "http://127.0.0.1:8"), ("0.0.0.0", "http://127.0.0.1:8"), ("::", "http://[::1]:8"),
        ("::1", "http://[::1]:8"), ("box.local", "http://box.local:8"),
    ])
    func `the announced address is one that can be reached from here`(host: String, expected: String) {
        #expect(ServeCommand.url(host: host, port: 8) == expected)
    }

    @Test(arguments: ["", "nonsense", "ftp://x", "http://", "127.0.0.1:8000"])
    func `a server's address must be one`(url: String) {
        #expect(throws: CommandError.badServerURL(url)) { _ = try ServerClient.base(of: url) }
    }
}

struct InspectionCommandTests {
    @Test(.timeLimit(.minutes(5))) func `doctor names device, libraries, database and model`() async throws {
        let ended = try await DocentProcess().run("doctor", "--json")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
        #expect((json["problems"] as? [String])?.isEmpty == true)
        #expect(((json["device"] as? [String: Any])?["name"] as? String)?.hasPrefix("cpu") == true)
        let libraries = try #require(json["libraries"] as? [[String: Any]])
        #expect(libraries.count == 2 && libraries.allSatisfy { ($0["version"] as? String)?.isEmpty == false })
    }

    @Test(.timeLimit(.minutes(5))) func `doctor says of every CUDA library where it is or why it is missing`()
        async throws
    {
        let ended = try await DocentProcess().run("doctor", "--json", "--device", "cpu")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
        let libraries = try #require((json["cuda"] as? [String: Any])?["libraries"] as? [[String: Any]])
        #expect(libraries.compactMap { $0["name"] as? String } == ["libcuda", "NVRTC", "cuBLASLt", "cuDNN"])
        #expect(
            libraries.allSatisfy {
                $0["path"] != nil || ($0["problem"] as? String)?.contains("cannot be opened") == true
            })
    }

    @Test(.timeLimit(.minutes(5))) func `doctor holds every operation against the CPU's, if asked`() async throws {
        let ended = try await DocentProcess().run("doctor", "--check", "--json", "--device", "cpu")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
        let operations = try #require(json["operations"] as? [[String: Any]])
        #expect(operations.count > 60 && operations.allSatisfy { $0["error"] as? Double == 0 })
    }

    /// No machine has so many.
    @Test(.timeLimit(.minutes(5))) func `a GPU that is not there is refused with the reason`() async throws {
        let ended = try await DocentProcess().run("caption", "jobs/samples", "--device", "cuda:99")
        #expect(ended.status == 1 && ended.errors.contains("--device cuda:99 cannot be used: "), "\(ended.errors)")
    }

    @Test(.timeLimit(.minutes(5))) func `doctor names the limits of images`() async throws {
        let docent = try DocentProcess()
        let ended = try await docent.run(
            "doctor", "--max-image-side", "99", environment: ["DOCENT_MAX_IMAGE_ASPECT": "7"])
        #expect(ended.output.contains(" 99 pixels a side and an aspect ratio of 7\n"), "\(ended.output)")
    }

    @Test(.timeLimit(.minutes(5))) func `doctor fails when the model or the database cannot be used`() async throws {
        let docent = try DocentProcess()
        #expect(try await docent.run("doctor", "--model", "/no/such/model").status == 1)
        let ended = try await docent.run("doctor", "--database", "/proc/nowhere/docent.sqlite")
        #expect(ended.status == 1 && ended.output.contains("cannot be opened"), "\(ended.output)")
    }

    @Test(.timeLimit(.minutes(5))) func `models are listed from the places they are kept in`() async throws {
        let docent = try DocentProcess()
        let bundled = try await docent.run("models", "list").output.split(separator: "\t").last.map(String.init) ?? ""
        let folder = bundled.split(separator: "\n").first.map(String.init) ?? ""
        try FileManager.default.createDirectory(
            atPath: docent.path("models/someone"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: docent.path("models/someone/mini"), withDestinationPath: folder)
        let listed = try await docent.run("models", "list").output
        #expect(listed.contains("models/someone/mini"))
        let inspected = try await docent.run("models", "inspect", folder, "--json")
        #expect(inspected.status == 0 && inspected.output.contains("\"parameters\":6451648"))
    }
}
