/// What was written into one folder, replayed call by call from a trace of `CountedCalls`, and what the power could leave of
/// it at any moment.
///
/// It promises what POSIX does, and no more: the bytes of a file are durable as of its last sync; of later writes each
/// 512-byte sector may survive or not, a change of length likewise. A name made, moved or removed is durable after a sync of
/// its folder. Syncs of a file say nothing of its name.
public struct TracedDisk {
    private let root: String
    /// The inode of `root`.
    private let top: UInt64
    private var nodes: [UInt64: Node] = [:]
    private var rest: ArraySlice<UInt8>
    /// The notes met so far.
    public private(set) var notes: [String] = []

    fileprivate enum Node {
        case file(File)
        case folder(Folder)
    }

    fileprivate enum Change {
        case write(offset: Int, bytes: ArraySlice<UInt8>)
        case size(Int)
    }

    fileprivate final class File {
        var durable: [UInt8] = []
        var pending: [Change] = []
    }

    fileprivate final class Folder {
        var durable: [String: Node] = [:]
        var pending: [(name: String, node: Node?)] = []
        var current: [String: Node] = [:]

        func set(_ name: String, to node: Node?) {
            pending.append((name, node))
            current[name] = node
        }
    }

    /// - Parameters:
    ///   - root: the folder as the traced program named it; empty when the trace began.
    ///   - inode: of that folder.
    public init(trace: [UInt8], root: String, inode: UInt64) {
        self.root = root
        rest = trace[...]
        nodes[inode] = .folder(Folder())
        top = inode
    }

    /// Replays the next call; false when there is none.
    public mutating func advance() -> Bool {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return false }
        let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
        rest = rest[(end + 1)...]
        let words = line.dropFirst(2).split(separator: " ", maxSplits: 1).map(String.init)
        let inode = words.first.flatMap { UInt64($0) } ?? 0
        switch line.first {
        case "W":
            let numbers = words[1].split(separator: " ").compactMap { Int($0) }
            let bytes = rest.prefix(numbers[1])
            rest = rest.dropFirst(numbers[1])
            if case .file(let file) = nodes[inode] { file.pending.append(.write(offset: numbers[0], bytes: bytes)) }
        case "T": if case .file(let file) = nodes[inode] { file.pending.append(.size(Int(words[1]) ?? 0)) }
        case "S": sync(inode)
        case "N": make(.file(File()), inode, words[1])
        case "D": make(.folder(Folder()), inode, words[1])
        case "R": folder(naming: words[1])?.set(name(words[1]), to: nodes[inode])
        case "F", "U": folder(naming: String(line.dropFirst(2)))?.set(name(String(line.dropFirst(2))), to: nil)
        default: notes.append(String(line.dropFirst(2)))
        }
        return true
    }

    private mutating func make(_ node: Node, _ inode: UInt64, _ path: String) {
        guard let folder = folder(naming: path) else { return }
        nodes[inode] = node
        folder.set(name(path), to: node)
    }

    private func sync(_ inode: UInt64) {
        switch nodes[inode] {
        case .file(let file):
            for change in file.pending { file.durable.apply(change) }
            file.pending = []
        case .folder(let folder):
            folder.durable = folder.current
            folder.pending = []
        case nil: break
        }
    }

    private func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

    /// Nil for what lies elsewhere.
    private func folder(naming path: String) -> Folder? {
        guard path.hasPrefix(root + "/"), case .folder(var folder)? = nodes[top] else { return nil }
        for name in path.dropFirst(root.count).split(separator: "/").dropLast() {
            guard case .folder(let next)? = folder.current[String(name)] else { return nil }
            folder = next
        }
        return folder
    }

    /// What a power cut at this moment may leave, by the generator's choice: files by their path below the root, and folders
    /// (with nil), each after the folder that it is in.
    public func cut(using random: inout some RandomNumberGenerator) -> [(path: String, bytes: [UInt8]?)] {
        guard case .folder(let folder)? = nodes[top] else { return [] }
        // All, nothing, or some of what was not synced.
        let shares: [Double] = [0, 0.2, 0.5, 0.8, 1]
        let share = shares.randomElement(using: &random) ?? 0
        var found: [(path: String, bytes: [UInt8]?)] = []
        collect(folder, "", share, &random, &found)
        return found
    }

    private func collect(
        _ folder: Folder, _ path: String, _ share: Double, _ random: inout some RandomNumberGenerator,
        _ found: inout [(path: String, bytes: [UInt8]?)]
    ) {
        var names = folder.durable
        for (name, node) in folder.pending where Double.random(in: 0..<1, using: &random) < share { names[name] = node }
        // In an order of their own, so that a seed chooses the same again.
        for (name, node) in names.sorted(by: { $0.key < $1.key }) {
            switch node {
            case .file(let file): found.append((path + name, file.left(share, &random)))
            case .folder(let next):
                found.append((path + name, nil))
                collect(next, path + name + "/", share, &random, &found)
            }
        }
    }
}

extension TracedDisk.File {
    private static let sector = 512

    fileprivate func left(_ share: Double, _ random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = durable
        for change in pending {
            guard case .write(let offset, let written) = change else {
                if Double.random(in: 0..<1, using: &random) < share { bytes.apply(change) }
                continue
            }
            var done = 0
            while done < written.count {
                let count = min(Self.sector - (offset + done) % Self.sector, written.count - done)
                if Double.random(in: 0..<1, using: &random) < share {
                    // One sector in sixteen is cut off inside.
                    let isTorn = Int.random(in: 0..<16, using: &random) == 0
                    let part = written.dropFirst(done).prefix(
                        isTorn ? Int.random(in: 0..<count, using: &random) : count)
                    bytes.apply(.write(offset: offset + done, bytes: part))
                }
                done += count
            }
        }
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func apply(_ change: TracedDisk.Change) {
        switch change {
        case .write(let offset, let written):
            if count < offset + written.count {
                append(contentsOf: repeatElement(0, count: offset + written.count - count))
            }
            replaceSubrange(offset..<(offset + written.count), with: written)
        case .size(let size):
            if count > size {
                removeLast(count - size)
            } else {
                append(contentsOf: repeatElement(0, count: size - count))
            }
        }
    }
}
