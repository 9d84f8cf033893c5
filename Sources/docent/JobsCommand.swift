import ArgumentParser

/// `docent jobs`: what is in the queue, and the means to steer it.
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Look at jobs and steer them, in a database or on a server.",
        subcommands: [
            List.self, Show.self, Watch.self, Cancel.self, Pause.self, Resume.self, Retry.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List jobs, newest first.")
        @OptionGroup var options: JobsOptions

        @Option(help: "How many jobs at most.")
        var limit = 100

        func validate() throws {
            guard (1...1000).contains(limit) else { throw ValidationError("--limit is \(limit), expected 1 to 1000.") }
        }

        func run() async throws {
            let jobs = try await options.withQueue { try await $0.jobs(limit: limit) }
            if options.json { return try JSONOutput.print(jobs) }
            if jobs.isEmpty { return StandardStream.error.writeLine("There are no jobs.") }
            for job in jobs { try StandardStream.output.writeLine(job.line) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a job and what failed in it.")
        @OptionGroup var options: JobsOptions
        @Argument var id: String

        func run() async throws {
            let (job, failures) = try await options.withQueue { queue in
                (try await queue.job(id), try await queue.failures(of: id, limit: 20))
            }
            if options.json { return try JSONOutput.print(Shown(job: job, failures: failures)) }
            try StandardStream.output.writeLine(job.line)
            for failure in failures { try StandardStream.output.writeLine("  \(failure.key): \(failure.message)") }
        }

        private struct Shown: Encodable {
            let job: JobView
            let failures: [FailureView]
        }
    }

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Follow a job to its end.",
            discussion: "Exit status: 0 every request succeeded; 2 some failed; 1 the job was cancelled.")
        @OptionGroup var options: JobsOptions
        @Argument var id: String

        func run() async throws {
            let last = try await options.withQueue { queue in
                try await queue.watch(id) { job in
                    if options.json { try JSONOutput.print(job) } else { try StandardStream.output.writeLine(job.line) }
                }
            }
            if last.status == "cancelled" { throw ExitCode(1) }
            if last.counts.failed + last.counts.expired > 0 { throw ExitCode(2) }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Cancel what waits and runs.")
        @OptionGroup var options: JobsOptions
        @Argument var id: String
        func run() async throws { try await options.steer(id, .cancel) }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hold back what waits.")
        @OptionGroup var options: JobsOptions
        @Argument var id: String
        func run() async throws { try await options.steer(id, .pause) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a paused job go on.")
        @OptionGroup var options: JobsOptions
        @Argument var id: String
        func run() async throws { try await options.steer(id, .resume) }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let failed and cancelled requests wait again.")
        @OptionGroup var options: JobsOptions
        @Argument var id: String
        func run() async throws { try await options.steer(id, .retry) }
    }
}

/// Where the jobs are, and how they are shown.
struct JobsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A docent server.", valueName: "url"))
    var server: String?

    @OptionGroup var databaseOptions: DatabaseOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if server != nil, databaseOptions.database != nil {
            throw ValidationError("Give --server or --database, not both.")
        }
    }

    /// Runs `work` with the server's queue, or the database's; the database of a running server is reached through it.
    func withQueue<Result>(_ work: (any JobQueueAccess) async throws -> Result) async throws -> Result {
        if let server {
            return try await ServerClient.connected(to: server) { try await work(ServerQueue(server: $0)) }
        }
        switch try StoreQueue.open(databaseOptions) {
        case .server(let url):
            return try await ServerClient.connected(to: url) { try await work(ServerQueue(server: $0)) }
        case .here(let queue):
            do {
                let result = try await work(queue)
                try await queue.close()
                return result
            } catch {
                try? await queue.close()
                throw error
            }
        }
    }

    func steer(_ id: String, _ action: JobAction) async throws {
        let job = try await withQueue { try await $0.steer(id, action) }
        if json { try JSONOutput.print(job) } else { try StandardStream.output.writeLine(job.line) }
    }
}

extension JobView {
    /// `job_…  running  7/12  2 failed  captions of photos`.
    fileprivate var line: String {
        let final = counts.succeeded + counts.failed + counts.cancelled + counts.expired
        var parts = [id, status, "\(final)/\(counts.total)"]
        if counts.failed + counts.expired > 0 { parts.append("\(counts.failed + counts.expired) failed") }
        return (parts + [label]).joined(separator: "  ")
    }
}
