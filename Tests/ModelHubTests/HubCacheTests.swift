import Foundation
import Testing

@testable import ModelHub

struct HubCacheTests {
    private let bench: PullBench
    private let commit = HubRepositoryCommit.value

    init() throws { bench = try PullBench() }

    private func write(_ path: String, _ text: String = "") throws {
        let file = URL(filePath: bench.cache.folder + "/" + path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func found(_ reference: String) throws -> String? {
        bench.cache.checkpoint(of: try ModelReference(reference))?.replacing(bench.cache.folder + "/", with: "")
    }

    @Test func `a name is found in any case, if only one model has it`() throws {
        let name = "models--nvidia--Llama-3.1-Nemotron-Nano-VL-8B-V1"
        try write("\(name)/refs/main", commit + "\n")
        try write("\(name)/snapshots/\(commit)/config.json")
        let expected = "\(name)/snapshots/\(commit)"
        #expect(try found("nvidia/Llama-3.1-Nemotron-Nano-VL-8B-V1") == expected)
        #expect(try found("nvidia/llama-3.1-nemotron-nano-vl-8b-v1") == expected)
        #expect(try found("nvidia/llama-3.1-nemotron-nano-vl-8b-v2") == nil)
        try write("models--NVIDIA--Llama-3.1-Nemotron-Nano-VL-8B-V1/refs/main", commit)
        #expect(try found("nvidia/Llama-3.1-Nemotron-Nano-VL-8B-V1") == expected)
        #expect(try found("nvidia/llama-3.1-nemotron-nano-vl-8b-v1") == nil)
    }

    @Test(arguments: [
        "", "../../../etc", "main", String(repeating: "z", count: 40), String(repeating: "a", count: 4000),
    ])
    func `a reference that names no commit leads nowhere`(text: String) throws {
        try write("models--o--m/refs/main", text)
        try write("models--o--m/snapshots/\(commit)/config.json")
        #expect(try found("o/m") == nil)
        #expect(try found("o/m@\(commit)") != nil)
    }

    @Test func `a snapshot without settings is its only GGUF file`() throws {
        try write("models--o--m/refs/main", commit)
        try write("models--o--m/snapshots/\(commit)/a.gguf")
        #expect(try found("o/m") == "models--o--m/snapshots/\(commit)/a.gguf")
        try write("models--o--m/snapshots/\(commit)/b.gguf")
        #expect(try found("o/m") == nil)
        #expect(try found("o/m/b.gguf") == "models--o--m/snapshots/\(commit)/b.gguf")
        #expect(try found("o/m/c.gguf") == nil)
        #expect(bench.cache.snapshots == ["\(bench.cache.folder)/models--o--m/snapshots/\(commit)"])
    }

    @Test func `an older link and a copy in a link's place are replaced`() throws {
        let cached = bench.cache.repository("o/m")
        try cached.prepare()
        let file = RemoteFile(path: "deep/er/config.json", byteCount: 0, blob: .git(commit))
        try cached.publish([file], commit: commit, revision: "main")
        let link = cached.snapshotPath(commit) + "/deep/er/config.json"
        let target = "../../../../blobs/\(commit)"
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        for other in ["models--o--m/elsewhere", "models--o--m/snapshots/\(commit)/deep/er/config.json"] {
            try FileManager.default.removeItem(atPath: link)
            try write(other)
            if other.hasSuffix("elsewhere") {
                try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "elsewhere")
            }
            try cached.publish([file], commit: commit, revision: commit)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        }
    }
}

private enum HubRepositoryCommit {
    static let value = String(repeating: "c3", count: 20)
}
