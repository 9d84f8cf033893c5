import ArgumentParser
import Jobs

/// Where the jobs are, and how they are shown.
struct JobsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A docent server.", valueName: "url"), transform: ServerClient.base(of:))
    var server: String?

    @OptionGroup var databaseOptions: DatabaseOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if server != nil, databaseOptions.database != nil {
            throw ValidationError("Give --server or --database, not both.")
        }
    }

    /// Looks at the jobs of the server, or of the database: through the server that has it open, else in the file itself,
    /// which can be read whoever works on it.
    func look<Result>(_ work: (any JobListing) async throws -> Result) async throws -> Result {
        if let url = serverURL {
            return try await ServerClient.connected(to: url) { try await work(ServerJobs(server: $0)) }
        }
        return try await work(DatabaseJobs(reader: try JobReader(path: databaseOptions.path)))
    }

    /// The server that was given, or the one that has the database open; nil when there is none.
    var serverURL: String? { server ?? JobStore.owner(of: databaseOptions.path)?.url }

    func steer(_ id: String, _ action: JobAction) async throws {
        let job = try await steered(id, action)
        if json { try JSONOutput.print(job) } else { try StandardStream.output.writeLine(job.line) }
    }

    private func steered(_ id: String, _ action: JobAction) async throws -> JobView {
        let url: String
        if let server {
            url = server
        } else {
            switch try await databaseOptions.openExisting(StandardStream.error.writeLine) {
            case .server(let found): url = found
            case .here(let store):
                do {
                    let job = try await store.steer(id, action)
                    try await store.close()
                    return job
                } catch {
                    try? await store.close()
                    throw error
                }
            }
        }
        return try await ServerClient.connected(to: url) { try await ServerJobs(server: $0).steer(id, action) }
    }
}
