import ArgumentParser
import Compute
import ComputeCUDA
import FoundationEssentials
import Jobs
import Models

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What docent finds on this machine.
struct DoctorReport: Encodable {
    struct Device: Encodable {
        var name: String
        var threads: Int
        var why: String
    }

    struct Database: Encodable {
        var path: String
        var why: String
        var state: String
        var ownerPID: Int32?
        var ownerURL: String?
    }

    struct Model: Encodable {
        var folder: String
        var why: String
        var inspection: CheckpointInspection
    }

    var version = Docent.configuration.version
    var device: Device?
    var libraries: [LoadedLibrary]
    var cuda: CUDASurvey
    /// Each operation of the device beside the CPU's, where that was asked for.
    var operations: [OperationFinding]?
    var openFileLimit: UInt64
    var memoryBytes: UInt64
    var imageLimits: ImageLimits
    var database: Database
    var model: Model?
    /// What keeps docent from working, one sentence each.
    var problems: [String] = []

    init(_ modelOptions: ModelOptions, _ databaseOptions: DatabaseOptions, _ imageLimits: ImageLimits, checks: Bool)
        async
    {
        self.imageLimits = imageLimits
        libraries = LoadedLibrary.all
        openFileLimit = OpenFiles.limit ?? 0
        let cuda = CUDASurvey(environment: ProcessInfo.processInfo.environment)
        self.cuda = cuda
        memoryBytes = ProcessInfo.processInfo.physicalMemory
        let problem: String?
        (database, problem) = await Self.database(databaseOptions)
        if let problem { problems.append(problem) }
        for library in libraries where library.version == nil {
            problems.append("The library \(library.name) cannot be loaded: run .ci/setup, or install it.")
        }
        do {
            let backend = try modelOptions.makeBackend()
            device = Device(
                name: backend.name, threads: modelOptions.threadCount, why: modelOptions.device.why(cuda))
            if checks { operations = try OperationFinding.all(on: backend) }
        } catch {
            problems.append("\(error)")
        }
        for operation in operations ?? [] where !operation.isWithin {
            problems.append("\(operation.name) is \(operation.error) from the CPU's, allowed: \(operation.allowed).")
        }
        do {
            let folder = try modelOptions.folder()
            let why = modelOptions.model == nil ? "it comes with docent, and no --model was given" : "--model was given"
            model = Model(folder: folder, why: why, inspection: CheckpointInspection(of: folder))
            problems += model?.inspection.problems ?? []
        } catch {
            problems.append("\(error)")
        }
    }

    /// Opens the database, unless somebody has it open, because only that tells whether it can be opened.
    private static func database(_ options: DatabaseOptions) async -> (Database, problem: String?) {
        let environment = ProcessInfo.processInfo.environment
        let why =
            options.database != nil
            ? "--database or DOCENT_DATABASE was given"
            : environment["DOCENT_HOME"] != nil
                ? "in $DOCENT_HOME"
                : environment["XDG_STATE_HOME"] != nil ? "in $XDG_STATE_HOME/docent" : "the default place"
        var database = Database(path: options.path, why: why, state: "can be opened")
        if let owner = JobStore.owner(of: options.path) {
            (database.state, database.ownerPID, database.ownerURL) = ("in use", owner.pid, owner.url)
            return (database, nil)
        }
        do {
            try await options.open().close()
            return (database, nil)
        } catch {
            database.state = "cannot be opened"
            return (database, "\(error)")
        }
    }

    /// For people: one fact a line.
    var text: String {
        var lines = ["docent \(version)"]
        if let device { lines.append("device     \(device.name) (\(device.why))") }
        for library in libraries { lines.append("library    \(library.name) \(library.version ?? "is missing")") }
        lines += cuda.report.map { "cuda       " + $0 }
        if let operations {
            let worst = operations.map { $0.error / $0.allowed }.max() ?? 0
            lines.append(
                "operations \(operations.count) held against the CPU's, \(operations.filter(\.isWithin).count) within what is "
                    + "allowed; the worst at \((worst * 100).rounded()) % of that")
        }
        lines.append("limits     \(openFileLimit) open files, \(memoryBytes >> 20) MiB of memory")
        lines.append(
            "images     up to \(imageLimits.maxPixels) pixels, \(imageLimits.maxBytes) bytes, "
                + "\(imageLimits.maxSide) pixels a side and an aspect ratio of \(imageLimits.maxAspectRatio)")
        let owner = database.ownerPID.map { " by process \($0)" + (database.ownerURL.map { " at \($0)" } ?? "") } ?? ""
        lines.append("database   \(database.path): \(database.state)\(owner) (\(database.why))")
        if let model {
            lines.append("model      \(model.folder) (\(model.why))")
            lines += model.inspection.report.split(separator: "\n").map { "           " + $0 }
        }
        lines += problems.map { "problem    \($0)" }
        lines.append(problems.isEmpty ? "Everything is ready." : "docent cannot work like this.")
        return lines.joined(separator: "\n") + "\n"
    }
}
