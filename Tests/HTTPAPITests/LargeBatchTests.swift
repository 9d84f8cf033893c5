import Foundation
import Hummingbird
import HummingbirdTesting
import Jobs
import Testing

@testable import HTTPAPI

/// Many lines, few bytes of memory (conformance B11).
@Suite(.serialized) struct LargeBatchTests {
    private static let isLong = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil

    @Test func `of a file of long lines a few are read at a time`() async throws {
        let service = try TestService(FewAnswers(0))
        let writer = try await service.store.blobs.writer()
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000) + [UInt8(ascii: "\n")]
        for _ in 0..<24 { try await writer.write(line) }
        let (id, _) = try await writer.finish()
        var lines = InputLines(try await service.store.blobs.reader(of: id), longest: 2_000_000)
        var count = 0
        while case let some = try await lines.next(upTo: 256), !some.isEmpty {
            #expect(some.count <= 5)
            #expect(some.allSatisfy { $0.text?.count == 1_000_000 })
            count += some.count
        }
        #expect(count == 24)
        try await service.close()
    }

    /// 2,000 lines of 500 bytes; 50,000 lines of 4,200 (210 MB) in the long form, with what they cost.
    @Test(.timeLimit(.minutes(60))) func `a large batch runs through, and is looked at quickly meanwhile`() async throws
    {
        let (count, padding) = Self.isLong ? (50_000, 4_000) : (2_000, 300)
        let service = try TestService(ScriptedGenerator(["a ", "boat"])) { $0.maxFileBytes = 1 << 30 }
        try await service.serve { client in
            let writer = try await service.store.blobs.writer()
            let filler = String(repeating: "x", count: padding)
            for number in 0..<count {
                let body = #"{"messages":[{"role":"user","content":"Say \#(number)"}],"user":"\#(filler)"}"#
                try await writer.write(Array((batchLine("line-\(number)", body) + "\n").utf8))
            }
            let (blob, bytes) = try await writer.finish()
            let file = try await service.store.add(
                NewFile(blob: blob, bytes: bytes, purpose: "batch", filename: "large.jsonl"))
            let before = Self.residentBytes
            let start = ContinuousClock.now
            let batch = try BatchView(try await client.createBatch(file.id.rawValue).json())
            var (most, slowest, looks) = (before, Duration.zero, 0)
            let end = try await client.batch(batch.id) { batch in
                most = max(most, Self.residentBytes)
                return batch.isFinal
            }
            for _ in 0..<20 {
                let began = ContinuousClock.now
                _ = try await client.batch(batch.id)
                slowest = max(slowest, ContinuousClock.now - began)
                looks += 1
            }
            #expect(end.status == "completed" && end.count("completed") == count && end.count("failed") == 0)
            let usage = try #require(end.fields["usage"] as? [String: Any])
            #expect(usage["output_tokens"] as? Int == 2 * count)
            let output = try #require(try await service.store.file(FileID(rawValue: end.outputFile ?? "")))
            var lines = InputLines(
                try await service.store.blobs.reader(of: output.blob, bytes: output.bytes), longest: 10_000)
            var seen: Set<String> = []
            while case let some = try await lines.next(upTo: 256), !some.isEmpty {
                for line in some {
                    let text = String(decoding: line.text ?? [], as: UTF8.self)
                    seen.insert(String(text.firstMatch(of: /"custom_id":"([^"]+)"/)?.output.1 ?? ""))
                }
            }
            #expect(seen.count == count)
            guard Self.isLong else { return }
            print(
                "large batch: \(count) lines, \(bytes / 1_000_000) MB, \(ContinuousClock.now - start), resident before "
                    + "\(before / 1_000_000) MB, at most \(most / 1_000_000) MB; slowest of \(looks) retrievals \(slowest)"
            )
            #expect(most - before < 200_000_000)
            #expect(slowest < .milliseconds(50))
        }
    }

    private static var residentBytes: Int {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        return status?.firstMatch(of: /VmRSS:\s+([0-9]+) kB/).flatMap { Int($0.output.1) }.map { $0 * 1024 } ?? 0
    }
}
