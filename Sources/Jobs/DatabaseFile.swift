internal import GRDB
internal import Glibc

/// Opens the database file with the settings that durability rests on.
enum DatabaseFile {
    static func open(path: String, schema: Schema, now: Timestamp) throws -> DatabasePool {
        do {
            try refuseForeignFile(path, schema)
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { db in
                // DatabasePool.init sets NORMAL after `prepareDatabase` ran (GRDB 7.10): what is said there is lost.
                // In WAL mode NORMAL may forget the last commits at a power cut; FULL syncs the log at every commit.
                try db.execute(sql: "PRAGMA synchronous = FULL")
                try schema.migrate(db, now: now)
            }
            return pool
        } catch {
            throw JobStoreError.translating(error, path: path)
        }
    }

    /// A connection beside the owner's: it sees every commit and can make none.
    static func openReadOnly(path: String, schema: Schema) throws -> DatabaseQueue {
        do {
            var configuration = configuration
            configuration.readonly = true
            let connection = try DatabaseQueue(path: path, configuration: configuration)
            try connection.read { try schema.check($0) }
            return connection
        } catch {
            throw JobStoreError.translating(error, path: path)
        }
    }

    /// One connection writes and checkpoints. The readers of the pool are opened read-only, so they can do neither:
    /// before SQLite 3.51.3 two connections that checkpoint at the same moment could lose committed pages.
    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        configuration.maximumReaderCount = 4
        configuration.persistentReadOnlyConnections = true
        configuration.label = "jobs"
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA mmap_size = 0;
                    """)
            if db.configuration.readonly {
                try db.execute(sql: "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0")
            } else {
                // DatabasePool switches to WAL as well, but reads only the answer and not the error that may follow it (GRDB
                // 7.10): after a failed sync there, the file would silently keep its rollback journal, whose deletion
                // FULL does not sync, and a power cut could take the last commit back.
                try db.execute(
                    sql: """
                        PRAGMA auto_vacuum = INCREMENTAL;
                        PRAGMA journal_mode = WAL;
                        PRAGMA wal_autocheckpoint = 1000;
                        PRAGMA journal_size_limit = 16777216;
                        """)
            }
        }
        return configuration
    }

    /// Looks through a read-only connection first: opening the pool would already switch a stranger's file to WAL.
    ///
    /// Whoever was killed while a file was being made leaves a journal to roll back, and only a connection that may write can do
    /// that; it changes nothing but what was never committed.
    private static func refuseForeignFile(_ path: String, _ schema: Schema) throws {
        var status = stat()
        guard stat(path, &status) == 0, status.st_size > 0 else { return }
        do {
            try inspect(path, schema, readOnly: true)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
            try inspect(path, schema, readOnly: false)
        }
    }

    private static func inspect(_ path: String, _ schema: Schema, readOnly: Bool) throws {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.busyMode = .timeout(5)
        let inspection = try DatabaseQueue(path: path, configuration: configuration)
        try inspection.read { try schema.inspect($0) }
        try inspection.close()
    }
}
