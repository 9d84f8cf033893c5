import Foundation
import LoopbackHub
import Testing

@testable import ModelHub

struct PullTests {
    @Test func `what a checkpoint needs comes into the layout that other tools share`() async throws {
        let bench = try PullBench()
        let folder = try await bench.pull()
        let needed = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]
        #expect(folder == "\(bench.home.path)/hub/models--owner--model/snapshots/\(bench.repository.commit)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == needed)
        for path in needed {
            #expect(bench.content(folder + "/" + path) == bench.repository.files[path])
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + path)
                    == "../../blobs/" + bench.repository.blobName(of: path))
        }
        #expect(bench.content(bench.cached.folder + "/refs/main") == Array(bench.repository.commit.utf8))
        #expect(bench.names(in: "blobs") == needed.map(bench.repository.blobName).sorted())
        #expect(bench.cache.checkpoint(of: try ModelReference("owner/model")) == folder)
    }

    @Test func `a second pull asks for the list alone`() async throws {
        let bench = try PullBench()
        let first = try await bench.pull()
        let asked = bench.hub.requests.count
        #expect(try await bench.pull() == first)
        #expect(bench.hub.requests.count == asked + 1 && bench.hub.requests.last?.isListing == true)
        #expect(bench.hub.fileRequests.count == 1)
    }

    @Test func `of many weight files those come that the index names`() async throws {
        var repository = HubRepository.checkpoint
        repository.files["model.safetensors"] = nil
        repository.files["model.safetensors.index.json"] = Array(
            #"{"weight_map":{"a":"model-1-of-2.safetensors","b":"model-2-of-2.safetensors"}}"#.utf8)
        for number in 1...2 { repository.files["model-\(number)-of-2.safetensors"] = HubRepository.noise(9, seed: 2) }
        let bench = try PullBench(repository)
        let folder = try await bench.pull()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(names.filter { $0.hasSuffix(".safetensors") }.count == 2 && names.count == 6)
        // Both shards have the same content, which is one blob.
        #expect(bench.hub.fileRequests.count == 1)
    }

    @Test func `an index that names a file which is not there is refused`() async throws {
        var repository = HubRepository.checkpoint
        repository.files["model.safetensors.index.json"] = Array(#"{"weight_map":{"a":"x.safetensors"}}"#.utf8)
        #expect(
            await (try PullBench(repository)).failure()
                == .noSuchFile("x.safetensors", repository: "owner/model", others: []))
    }

    @Test func `a GGUF file comes by its name, or because it is the only one`() async throws {
        let several = try PullBench(.gguf("m.Q4_0.gguf", "m.Q8_0.gguf", "Q2/m.gguf"))
        #expect(try await several.pull("owner/model/m.Q8_0.gguf").hasSuffix("/m.Q8_0.gguf"))
        let inFolder = try await several.pull("owner/model/Q2/m.gguf")
        #expect(several.content(inFolder) == several.repository.files["Q2/m.gguf"])
        #expect(
            await several.failure()
                == .severalGGUF(repository: "owner/model", files: ["Q2/m.gguf", "m.Q4_0.gguf", "m.Q8_0.gguf"]))
        let missing = await several.failure("owner/model/m.Q5_0.gguf")
        #expect(missing.text.contains("it has Q2/m.gguf, m.Q4_0.gguf"))
        let single = try PullBench(.gguf("m.gguf"))
        let path = try await single.pull()
        #expect(path.hasSuffix("/m.gguf"))
        #expect(single.cache.checkpoint(of: try ModelReference("owner/model")) == path)
    }

    @Test func `a repository without weights that docent reads says what it has`() async throws {
        let bench = try PullBench(HubRepository(files: ["config.json": [1], "pytorch_model.bin": [2]]))
        #expect(await bench.failure() == .noWeights(repository: "owner/model", found: ["pytorch_model.bin"]))
    }

    @Test func `a revision is asked for by name, kept as a reference, and files come at its commit`() async throws {
        let bench = try PullBench()
        let folder = try await bench.pull("owner/model@refs/pr/1")
        #expect(bench.hub.requests[0].target == "/api/models/owner/model/revision/refs%2Fpr%2F1?blobs=true")
        #expect(bench.content(bench.cached.folder + "/refs/refs/pr/1") == Array(bench.repository.commit.utf8))
        #expect(bench.cache.checkpoint(of: try ModelReference("owner/model@refs/pr/1")) == folder)
        #expect(bench.cache.checkpoint(of: try ModelReference("owner/model@\(bench.repository.commit)")) == folder)
        #expect(bench.cache.checkpoint(of: try ModelReference("owner/model")) == nil)
        #expect(bench.hub.requests.dropFirst().allSatisfy { $0.target.contains(bench.repository.commit) })
    }

    @Test func `a branch that moves between two pulls keeps both snapshots and shares what is the same`() async throws {
        let bench = try PullBench()
        let old = try await bench.pull()
        var next = HubRepository.checkpoint
        next.commit = String(repeating: "b2", count: 20)
        next.files["config.json"] = Array(#"{"model_type":"other"}"#.utf8)
        let later = try LoopbackHub(next)
        defer { later.stop() }
        let new = try await bench.pull(environment: ["HF_ENDPOINT": later.url])
        #expect(old != new && bench.names(in: "snapshots").count == 2 && later.fileRequests.isEmpty)
        #expect(bench.content(new + "/config.json") == next.files["config.json"])
        #expect(bench.cache.checkpoint(of: try ModelReference("owner/model")) == new)
    }

    @Test func `offline, what is there is found and what is not is said to be missing`() async throws {
        let bench = try PullBench()
        let offline = ["HF_HUB_OFFLINE": "1"]
        #expect(await bench.failure(environment: offline) == .offline("owner/model", cache: bench.home.path + "/hub"))
        #expect(bench.hub.requests.isEmpty)
        let folder = try await bench.pull()
        #expect(try await bench.pull(environment: offline) == folder)
    }

    @Test func `a hub that lists names alone is asked for each file's size and hash`() async throws {
        let bench = try PullBench(onHub: { request, honest in
            guard request.isListing else { return honest }
            var reply = honest
            let names = HubRepository.checkpoint.files.keys.map { #"{"rfilename":"\#($0)"}"# }.joined(separator: ",")
            reply.body = Array(#"{"sha":"\#(HubRepository.checkpoint.commit)","siblings":[\#(names)]}"#.utf8)
            return reply
        })
        let folder = try await bench.pull()
        #expect(bench.content(folder + "/model.safetensors") == HubRepository.weights)
        #expect(bench.hub.requests.count { $0.method == "HEAD" } == 4)
        #expect(bench.hub.fileRequests.allSatisfy { $0.method == "GET" })
    }

    @Test func `a file whose length is not announced is read to its end`() async throws {
        let bench = try PullBench(onFiles: { $1.with(["Content-Length": ""]) })
        let folder = try await bench.pull()
        #expect(bench.content(folder + "/model.safetensors") == HubRepository.weights)
    }

    @Test func `without a hash that can be checked nothing is taken`() async throws {
        let bench = try PullBench(onHub: { request, honest in
            if request.isListing {
                var reply = honest
                reply.body = Array(
                    #"{"sha":"\#(HubRepository.checkpoint.commit)","siblings":[{"rfilename":"m.gguf"}]}"#.utf8)
                return reply
            }
            return HubReply(200, headers: ["ETag": "\"abc-1\"", "Content-Length": "5"])
        })
        #expect(await bench.failure() == .noHash(file: "m.gguf"))
    }

    @Test func `a cache that cannot be written is told with its path`() async throws {
        let bench = try PullBench()
        try Data().write(to: bench.home.appending(path: "hub"))
        guard case .unwritable(let path, _) = await bench.failure() else { return #expect(Bool(false)) }
        #expect(path.hasPrefix(bench.home.path + "/hub"))
    }
}
