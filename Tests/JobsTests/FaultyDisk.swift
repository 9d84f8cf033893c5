import FaultyDisk
import Foundation

/// A disk in memory for one database (`FaultyDisk.h` says what it promises), as long as it lives.
final class FaultyDisk {
    /// Syncs that answer well and do nothing.
    struct Lies: OptionSet {
        let rawValue: Int32
        static let database = Lies(rawValue: 1)
        static let log = Lies(rawValue: 2)
        static let directory = Lies(rawValue: 4)
    }

    /// What a power cut or a kill left of a disk.
    final class Image {
        fileprivate let pointer: OpaquePointer

        fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }

        deinit { faulty_image_free(pointer) }

        /// Real files of it.
        func write(to path: String) throws {
            guard faulty_image_write(pointer, path) else { throw CocoaError(.fileWriteUnknown) }
        }
    }

    /// Where files cost no disk access, if there is such a place.
    static let memory =
        FileManager.default.isWritableFile(atPath: "/dev/shm")
        ? "/dev/shm" : FileManager.default.temporaryDirectory.path

    private let pointer: OpaquePointer

    init(path: String, holding image: Image? = nil) throws {
        guard let disk = faulty_disk_create(path) else { throw CocoaError(.fileWriteOutOfSpace) }
        pointer = disk
        if let image { faulty_disk_load(disk, image.pointer) }
    }

    deinit { faulty_disk_remove(pointer) }

    /// Changes so far.
    var position: Int { Int(faulty_disk_position(pointer)) }
    /// Calls so far.
    var calls: Int { Int(faulty_disk_calls(pointer)) }
    /// The bytes of all its files.
    var size: Int { Int(faulty_disk_size(pointer)) }

    func lie(_ lies: Lies) { faulty_disk_lie(pointer, lies.rawValue) }

    /// What the seed leaves of the first `position` changes when the power goes.
    func cut(at position: Int, seed: UInt64) -> Image { Image(faulty_disk_cut(pointer, Int64(position), seed)) }

    /// All that was written, as a killed process leaves it.
    func kill() -> Image { Image(faulty_disk_kill(pointer, .max)) }

    func failCall(_ number: Int, forever: Bool) { faulty_disk_fail(pointer, Int64(number), forever) }

    func failNoMore() { faulty_disk_fail(pointer, 0, false) }

    /// The disk is full when its files and the real file `ballast` have so many bytes; nil for never.
    func limit(to bytes: Int?, besides ballast: String? = nil) {
        faulty_disk_limit(pointer, Int64(bytes ?? -1), ballast)
    }
}
