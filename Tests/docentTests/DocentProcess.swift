import ChildProcess
import Foundation

/// The built `docent` as a process of its own, with a home, a folder for images and files for what it says.
final class DocentProcess: Sendable {
    let directory: URL

    /// A temporary directory; `images` sample images are put into its folder `images`.
    init(images: Int = 0) throws {
        directory = URL(filePath: NSTemporaryDirectory()).appending(path: "docent-\(UUID().uuidString)")
        let folder = directory.appending(path: "images")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for index in 0..<images {
            let sample = Samples.all[index % Samples.all.count]
            try FileManager.default.copyItem(
                at: Samples.folder.appending(path: sample.file),
                to: folder.appending(path: Self.name(of: index)))
        }
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// "003-scene-04.jpg": every copy of a sample is an image of its own.
    static func name(of index: Int) -> String {
        let number = String(1000 + index).dropFirst()
        return "\(number)-\(Samples.all[index % Samples.all.count].file)"
    }

    static func caption(of index: Int) -> String { Samples.all[index % Samples.all.count].caption }

    var images: String { path("images") }

    func path(_ name: String) -> String { directory.appending(path: name).path }

    func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: path(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Runs to the end.
    func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> Ended {
        try await start(arguments, environment: environment).ended()
    }

    /// - Parameter output: where its standard output goes instead of a file.
    func start(
        _ arguments: [String], environment: [String: String] = [:], output: FileHandle? = nil
    ) throws -> Running {
        try Running(arguments, in: directory, environment: environment, output: output)
    }

    struct Ended: Sendable {
        /// 128 + the signal's number when a signal ended it.
        let status: Int32
        let output: String
        let errors: String
    }

    /// A process that was started.
    final class Running: Sendable {
        private let process: ChildProcess
        private let output: URL
        private let errors: URL

        fileprivate init(
            _ arguments: [String], in directory: URL, environment: [String: String], output elsewhere: FileHandle?
        ) throws {
            let id = UUID().uuidString
            (output, errors) = (directory.appending(path: id + ".out"), directory.appending(path: id + ".err"))
            process = try ChildProcess(
                besideTests: "docent", arguments,
                environment: ["DOCENT_HOME": directory.path, "PATH": "/usr/bin:/bin"].merging(environment) { $1 },
                output: elsewhere.map { .descriptor($0.fileDescriptor) } ?? .file(output.path),
                errors: .file(errors.path))
        }

        /// What it has said on standard error so far.
        var saidOnError: String {
            FileManager.default.contents(atPath: errors.path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }

        var isRunning: Bool { process.isRunning }

        /// What of its memory is in RAM, as /proc tells it.
        var residentBytes: Int? {
            let status = try? String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
            return status?.firstMatch(of: /VmRSS:\s+([0-9]+) kB/).flatMap { Int($0.output.1) }.map { $0 * 1024 }
        }

        func send(_ signal: Int32) { process.send(signal) }

        /// Sends `signal` after `delay`, or as soon as `condition` holds; false when the process has ended before. On a thread
        /// of its own: tasks may wait for each other while other tests compute, and the process ends meanwhile.
        func signal(
            _ signal: Int32, after delay: Duration = .zero, once condition: @escaping @Sendable () -> Bool = { true }
        ) async -> Bool {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    Thread.sleep(forTimeInterval: delay / .seconds(1))
                    while self.isRunning, !condition() { Thread.sleep(forTimeInterval: 0.005) }
                    let isInTime = self.isRunning
                    self.send(signal)
                    continuation.resume(returning: isInTime)
                }
            }
        }

        func ended() async -> Ended {
            let status: Int32 =
                switch await process.ended() {
                case .exited(let code): code
                case .killed(let signal): 128 + signal
                }
            let said = FileManager.default.contents(atPath: output.path) ?? Data()
            return Ended(status: status, output: String(decoding: said, as: UTF8.self), errors: saidOnError)
        }
    }
}

/// Looks again every 10 ms until `condition` holds; false after `seconds`. A process gives no other sign of how far it is.
func eventually(within seconds: Int = 240, _ condition: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}

/// `jobs/samples` and what the default model says of its images in f32.
enum Samples {
    struct Sample: Decodable, Sendable {
        let file: String
        let model_f32_greedy: [String: Answer]

        struct Answer: Decodable, Sendable {
            let prompt: String
            let answer: String
        }

        /// The answer to the default recipe's prompt.
        var caption: String { model_f32_greedy["describe"]?.answer ?? "" }
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../jobs/samples")
        .standardized

    static let all: [Sample] = {
        struct File: Decodable { let samples: [Sample] }
        guard let data = try? Data(contentsOf: folder.appending(path: "expected.json")),
            let file = try? JSONDecoder().decode(File.self, from: data)
        else { return [] }
        return file.samples
    }()
}
