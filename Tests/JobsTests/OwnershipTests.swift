import Foundation
import GRDB
import Testing

@testable import Jobs

/// Who may open a database, and which files are refused.
struct OwnershipTests {
    let workplace = Workplace()

    @Test func `a second store is told who owns the database`() async throws {
        let store = try workplace.store()
        #expect(throws: JobStoreError.locked(owner(.command))) { try workplace.store() }
        try store.announce(url: "http://127.0.0.1:8000")
        #expect(throws: JobStoreError.locked(owner(.at(url: "http://127.0.0.1:8000")))) { try workplace.store() }
        #expect(JobStore.owner(of: workplace.path) == owner(.at(url: "http://127.0.0.1:8000")))
        try store.announce(url: nil)
        #expect(JobStore.owner(of: workplace.path) == owner(.command))

        try await store.close()
        #expect(JobStore.owner(of: workplace.path) == nil)
        _ = try workplace.store()
    }

    @Test func `a server is known as one before it can say where it answers`() throws {
        let store = try workplace.store { $0.willAnnounce = true }
        #expect(JobStore.owner(of: workplace.path) == owner(.starting))
        #expect(throws: JobStoreError.locked(owner(.starting))) { try workplace.store() }
        try store.announce(url: "http://127.0.0.1:8000")
        #expect(JobStore.owner(of: workplace.path)?.url == "http://127.0.0.1:8000")
    }

    private func owner(_ service: DatabaseOwner.Service) -> DatabaseOwner {
        DatabaseOwner(pid: getpid(), service: service)
    }

    @Test func `a closed store gives its lock back even while a copy of its descriptor lives`() async throws {
        let store = try workplace.store()
        // What a child between fork and exec has: a second reference to the same open file.
        let copy = dup(store.queue.lock.descriptor)
        defer { close(copy) }
        try #require(copy >= 0)
        try await store.close()
        #expect(JobStore.owner(of: workplace.path) == nil)
        try await workplace.store().close()
    }

    @Test func `another process is refused and can still ask who owns the database`() async throws {
        let store = try workplace.store()
        try store.announce(url: "http://localhost:1")
        await #expect(processExitsWith: .success) { [path = workplace.path as String, pid = getpid() as Int32] in
            let owner = DatabaseOwner(pid: pid, service: .at(url: "http://localhost:1"))
            #expect(JobStore.owner(of: path) == owner)
            #expect(throws: JobStoreError.locked(owner)) { try JobStore(path: path) }
        }
        #expect(JobStore.owner(of: workplace.path) != nil)
    }

    @Test func `a symbolic link to an owned database meets the same lock`() throws {
        let store = try workplace.store()
        let link = workplace.directory + "/link.sqlite"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: workplace.path)
        #expect(throws: JobStoreError.locked(owner(.command))) { try JobStore(path: link) }
        #expect(JobStore.owner(of: link)?.pid == getpid())
        #expect(store.path.hasSuffix("jobs.sqlite"))
    }

    @Test func `a database of another program is refused and left as it was`() throws {
        do {
            let other = try workplace.database()
            try other.write { try $0.execute(sql: "CREATE TABLE holiday (photo TEXT)") }
        }
        let before = try Data(contentsOf: URL(filePath: workplace.path))
        let error = #expect(throws: JobStoreError.self) { try workplace.store() }
        #expect(
            error?.description.contains("not a docent database but a database of application 0 with the tables holiday")
                == true)
        #expect(try Data(contentsOf: URL(filePath: workplace.path)) == before)
    }

    @Test func `an empty database with another application id is refused`() throws {
        do {
            let other = try workplace.database()
            try other.write { try $0.execute(sql: "PRAGMA application_id = 7") }
        }
        #expect(throws: JobStoreError.self) { try workplace.store() }
    }

    @Test func `a file that is no database is called damaged`() throws {
        try Data("this is a text file, and a long enough one to be read as pages".utf8).write(
            to: URL(filePath: workplace.path))
        let error = #expect(throws: JobStoreError.self) { try workplace.store() }
        guard case .corrupt? = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }

    @Test func `a damaged page is reported by the operation that meets it`() async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<500))
        try await store.close()
        let file = try FileHandle(forUpdating: URL(filePath: workplace.path))
        let size = try file.seekToEnd()
        try file.seek(toOffset: 8192)
        try file.write(contentsOf: Data(repeating: 0xa5, count: Int(size) - 8192))
        try file.close()
        await #expect {
            let store = try workplace.store()
            _ = try await store.submit(.bulk(), .numbered(0..<500))
        } throws: { error in
            guard case .corrupt(workplace.path, _)? = error as? JobStoreError else { return false }
            return true
        }
    }

    @Test func `a place that cannot be written is named`() throws {
        for path in ["/proc/docent.sqlite", workplace.directory + "/missing/jobs.sqlite"] {
            let error = #expect(throws: JobStoreError.self) { try JobStore(path: path) }
            guard case .notWritable? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        }
        let folder = workplace.directory + "/folder"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        #expect(throws: JobStoreError.self) { try JobStore(path: folder) }
    }

    @Test(arguments: [
        ("1 2 0:50 / /mnt rw shared:1 - nfs4 host:/x rw", "nfs4"),
        ("1 2 0:50 / /mnt rw - cifs //h/x rw", "cifs"),
        ("1 2 0:50 / /mnt rw - fuse.sshfs h:/x rw", "fuse.sshfs"),
        ("1 2 0:50 / /mnt rw master:7 shared:1 - 9p share rw", "9p"),
        ("1 2 0:50 / /mnt rw - ext4 /dev/sda1 rw", nil),
        ("1 2 0:50 / /mnt rw - fuseblk /dev/sdb1 rw", nil),
        ("1 2 0:50 / /mnt rw - overlay overlay rw", nil),
        ("1 2 0:51 / /mnt rw - nfs4 host:/x rw\n1 2 0:50 / /m rw - xfs /dev/sda rw", nil),
        ("garbage\n\n1 2 0:50 -", nil),
    ])
    func `network file systems are recognised in the mount table`(table: String, expected: String?) {
        #expect(FileSystemType.network(under: (0, 50), mountTable: table) == expected)
    }

    @Test func `a local folder is not called a network file system`() {
        #expect(FileSystemType.network(of: workplace.directory) == nil)
    }
}
