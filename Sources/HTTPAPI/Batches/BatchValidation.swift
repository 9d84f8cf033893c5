import Jobs

/// The first reading of a batch's file, to its end: how many requests there are, and all that is wrong with it.
struct BatchValidation {
    /// More are counted, not listed.
    static let mostFaults = 100

    private let mostLines: Int
    private(set) var total = 0
    private(set) var faults: [BatchFault] = []
    private var unlisted = 0
    /// The line of each custom_id. As bytes: two that differ in the composition of a letter are two.
    private var lines: [[UInt8]: Int] = [:]

    init(mostLines: Int) { self.mostLines = mostLines }

    var isTooLong: Bool { total > mostLines }

    mutating func add(_ line: CheckedLine) {
        total += 1
        guard !isTooLong else {
            return note(
                BatchFault(
                    code: .tooManyTasks, message: "The file has more than \(mostLines) requests.", line: line.number))
        }
        line.faults.forEach { note($0) }
        guard let customID = line.customID else { return }
        let key = Array(customID.utf8)
        guard let first = lines[key] else { return lines[key] = line.number }
        note(
            BatchFault(
                code: .duplicateCustomID,
                message: "The custom_id \(customID.prefix(64)) of line \(line.number) is that of line \(first) too.",
                param: "custom_id", line: line.number))
    }

    /// Everything that is wrong; empty for a file whose requests can run.
    func end() -> [BatchFault] {
        guard total > 0 else { return [BatchFault(code: .emptyFile, message: "The file has no requests.")] }
        guard unlisted > 0 else { return faults }
        return faults + [BatchFault(code: .moreErrors, message: "\(unlisted) more errors are not listed.")]
    }

    private mutating func note(_ fault: BatchFault) {
        if faults.count < Self.mostFaults { faults.append(fault) } else { unlisted += 1 }
    }
}

/// What the first reading keeps of a line.
struct CheckedLine: Sendable {
    let number: Int
    let customID: String?
    let faults: [BatchFault]

    init(_ envelope: BatchEnvelope) {
        number = envelope.line
        customID = envelope.customID
        faults = envelope.faults
    }
}
