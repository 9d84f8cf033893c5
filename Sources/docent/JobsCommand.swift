import ArgumentParser
import Jobs

/// `docent jobs`: what is in the queue, and the means to steer it.
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Look at jobs and steer them, in a database or on a server.",
        discussion: """
            list, show, watch and results work beside whoever uses the database. cancel, pause, resume, retry and \
            priority are done by the server that uses it, or here when nobody does. submit needs a server.
            """,
        subcommands: [
            List.self, Show.self, Watch.self, JobResultsCommand.self, JobSubmitCommand.self, Cancel.self, Pause.self,
            Resume.self, Retry.self, Priority.self,
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
            let jobs: [JobView]
            do { jobs = try await options.look { try await $0.jobs(limit: limit) } } catch JobStoreError.noDatabase
                where options.databaseOptions.database == nil
            {
                jobs = []
            }
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
            let (job, failures) = try await options.look { jobs in
                (try await jobs.job(id), try await jobs.failures(of: id, limit: 20))
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
            discussion: """
                Exit status: 0 every request succeeded; 2 some failed; 1 the job was cancelled, or is not finished and \
                nobody works on it.
                """)
        @OptionGroup var options: JobsOptions
        @Argument var id: String

        func run() async throws {
            let last = try await options.look { jobs in
                try await jobs.watch(id) { job in
                    if options.json { try JSONOutput.print(job) } else { try StandardStream.output.writeLine(job.line) }
                }
            }
            if !last.isFinished { throw CommandError.nobodyWorks(on: id) }
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

    struct Priority: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a job go before others, or after them.")
        @OptionGroup var options: JobsOptions
        @Argument var id: String
        @Argument(help: "interactive (before bulk) or bulk.") var priority: PriorityName
        func run() async throws { try await options.steer(id, .prioritize(priority)) }
    }
}
