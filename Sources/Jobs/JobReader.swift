internal import GRDB
internal import Glibc

/// Looks at the jobs of a database without owning it: beside whoever works on it, or when nobody does.
///
/// Takes no lock, creates nothing, and changes nothing: its connection is read-only, so it can neither write nor
/// checkpoint, and the owner stays the only one who does (DESIGN.md, "Readers beside the owner").
public final class JobReader: Sendable {
    public let path: String
    let connection: DatabaseQueue

    /// - Throws: `JobStoreError`; `.noDatabase` when there is no such file.
    public init(path: String) throws {
        guard access(path, F_OK) == 0 else { throw JobStoreError.noDatabase(path: path) }
        self.path = try DatabasePath(path).full
        connection = try DatabaseFile.openReadOnly(path: self.path, schema: Schema(path: self.path))
    }

    /// Who works on the database at this moment; nil when nobody does.
    public var owner: DatabaseOwner? { DatabaseLock.owner(of: path) }

    public func job(_ id: JobID) async throws -> Job? {
        try await read { try Job.fetch($0, id) }
    }

    /// Jobs, newest first.
    public func jobs(limit: Int) async throws -> [Job] {
        try await read { try Job.page($0, limit: limit, after: nil) }
    }

    /// Requests of a job in one state, in the order they were stored.
    public func requests(of job: JobID, state: RequestState, limit: Int) async throws -> [StoredRequest] {
        try await read { try StoredRequest.page($0, of: job, states: [state], limit: limit, after: nil) }
    }

    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        do { return try await connection.read(body) } catch {
            throw JobStoreError.translating(error, path: path)
        }
    }
}
