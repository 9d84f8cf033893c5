import Foundation
import Testing

/// A command that is killed, with its outputs and what must be true of them.
struct KilledRun: Sendable, CustomTestStringConvertible {
    let output: String
    let sidecar: String
    var existing = "skip"

    static let all = [
        KilledRun(output: "o.jsonl", sidecar: "txt"), KilledRun(output: "o.csv", sidecar: "json"),
        KilledRun(output: "o.jsonl", sidecar: "txt", existing: "overwrite"),
    ]

    /// What the output holds before a run that overwrites it.
    private static let old = #"{"path":"old.jpg","caption":"Of another day."}"# + "\n"

    var testDescription: String { "\(output), .\(sidecar) and \(existing)" }

    func arguments(in docent: DocentProcess) -> [String] {
        ["--output", docent.path(output), "--sidecar", sidecar, "--existing", existing]
    }

    func prepare(_ docent: DocentProcess) throws {
        guard existing == "overwrite" else { return }
        try Data(Self.old.utf8).write(to: URL(filePath: docent.path(output)))
    }

    /// How many bytes of rows there are, by which it is seen whether a run has finished anything.
    func size(in docent: DocentProcess) -> Int {
        (docent.text(existing == "overwrite" ? output + ".partial" : output) ?? "").utf8.count
    }

    /// What is to be overwritten is there whole until everything has its caption; then what was written is.
    func checkUnfinished(_ docent: DocentProcess) {
        guard existing == "overwrite", let text = docent.text(output), text != Self.old else { return }
        #expect(text.hasSuffix("\n") && !text.contains("old.jpg") && docent.text(output + ".partial") == nil)
    }

    /// One row for every image, and no other.
    func checkRows(_ docent: DocentProcess, images: Int) throws {
        let lines = (docent.text(output) ?? "").split(whereSeparator: \.isNewline)
        let rows = output.hasSuffix(".csv") ? Array(lines.dropFirst()) : lines
        #expect(rows.count == images)
        for index in 0..<images {
            let (name, caption) = (DocentProcess.name(of: index), DocentProcess.caption(of: index))
            #expect(try rows.count { try isRow($0, of: name, saying: caption) } == 1, "\(name)")
        }
    }

    /// A sidecar is there whole or not at all, at any moment.
    func checkSidecars(_ docent: DocentProcess, images: Int, mayLack: Bool) throws {
        for index in 0..<images {
            let caption = DocentProcess.caption(of: index)
            guard let text = docent.text("images/\(DocentProcess.name(of: index)).\(sidecar)") else {
                #expect(mayLack)
                continue
            }
            #expect(sidecar == "txt" ? text == caption + "\n" : try json(text)["caption"] as? String == caption)
        }
    }

    private func isRow(_ row: Substring, of name: String, saying caption: String) throws -> Bool {
        if output.hasSuffix(".csv") {
            let doubled = caption.replacing("\"", with: "\"\"")
            return [caption, "\"\(doubled)\""].contains { row.hasPrefix("\(name),\($0),") }
        }
        let fields = try json(String(row))
        return fields["path"] as? String == name && fields["caption"] as? String == caption
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
}
