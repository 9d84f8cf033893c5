internal import GRDB

/// One numbered step of the schema: SQL that ran, or will run, in a transaction of its own.
struct Migration: Sendable {
    let version: Int
    let name: String
    let sql: [UInt8]

    var sha256: String { hexadecimalSHA256(sql) }

    /// All steps in order; forward only, and never edited once released (opening compares their hashes).
    static let all = [
        Migration(version: 1, name: "v001-jobs.sql", sql: PackageResources.v001_jobs_sql),
        Migration(
            version: 2, name: "v002-files-and-batches.sql", sql: PackageResources.v002_files_and_batches_sql),
    ]
}

/// Brings a database to the newest schema, or says why it must not be touched.
struct Schema {
    /// "Doct", in the header of every database of ours.
    static let applicationID: Int32 = 0x446f_6374

    let path: String
    var migrations = Migration.all

    /// Refuses files of other programs before anything is changed in them.
    func inspect(_ db: Database) throws {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 4")
        if application == Self.applicationID || (application == 0 && tables.isEmpty) { return }
        let contents = tables.isEmpty ? "no tables" : "the tables \(tables.joined(separator: ", "))"
        let found = "a database of application \(application) with \(contents)"
        throw JobStoreError.foreignDatabase(path: path, found: found)
    }

    /// Applies what is missing; each step commits together with its record and the new `user_version`.
    func migrate(_ db: Database, now: Timestamp) throws {
        let current = try recognised(db)
        for migration in migrations where migration.version > current {
            try db.inTransaction(.immediate) {
                try db.execute(sql: String(decoding: migration.sql, as: UTF8.self))
                try db.execute(
                    sql: "INSERT INTO migration (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
                    arguments: [migration.version, migration.name, migration.sha256, now.milliseconds])
                try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
                try db.execute(sql: "PRAGMA user_version = \(migration.version)")
                return .commit
            }
        }
    }

    /// Makes sure that a database which may not be changed is of the newest schema already.
    func check(_ db: Database) throws {
        let current = try recognised(db)
        guard current == known else { throw JobStoreError.olderSchema(path: path, found: current, known: known) }
    }

    private var known: Int { migrations.last?.version ?? 0 }

    /// The version of a database that is ours, not newer than this program, and made by the same steps.
    private func recognised(_ db: Database) throws -> Int {
        try inspect(db)
        let current = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard current <= known else {
            throw JobStoreError.newerSchema(path: path, found: current, known: known)
        }
        try verify(db, upTo: current)
        return current
    }

    private func verify(_ db: Database, upTo current: Int) throws {
        for migration in migrations where migration.version <= current {
            let recorded = try String.fetchOne(
                db, sql: "SELECT sha256 FROM migration WHERE version = ?", arguments: [migration.version])
            guard recorded == migration.sha256 else {
                throw JobStoreError.changedMigration(
                    path: path, name: migration.name, recorded: recorded ?? "nothing", found: migration.sha256)
            }
        }
    }
}
