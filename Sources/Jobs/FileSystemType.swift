internal import Glibc

/// The file system under a path, as the kernel's mount table names it.
enum FileSystemType {
    private static let network: Set<String> = [
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3",
        "smbfs",
    ]

    /// Its type if it is one that other hosts share, "nfs4" or "fuse.sshfs"; nil for local and unknown ones.
    ///
    /// - Parameter mountTable: the text of /proc/self/mountinfo (proc_pid_mountinfo(5)).
    static func network(under device: (major: UInt32, minor: UInt32), mountTable: String) -> String? {
        for line in mountTable.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[2] == "\(device.major):\(device.minor)",
                let separator = fields.firstIndex(of: "-"), separator + 1 < fields.count
            else { continue }
            let type = String(fields[separator + 1])
            // A FUSE file system may be anything; those that a block device backs (fuseblk) are local.
            return network.contains(type) || type == "fuse" || type.hasPrefix("fuse.") ? type : nil
        }
        return nil
    }

    /// The type of the network file system that holds a directory, nil if it is local.
    static func network(of directory: String) -> String? {
        var status = stat()
        guard stat(directory, &status) == 0 else { return nil }
        // The split of makedev(3), whose macros Swift does not see.
        let device = UInt64(status.st_dev)
        let major = UInt32(truncatingIfNeeded: (device >> 8) & 0xfff | (device >> 32) & ~0xfff)
        let minor = UInt32(truncatingIfNeeded: device & 0xff | (device >> 12) & ~0xff)
        return network(under: (major, minor), mountTable: contents(of: "/proc/self/mountinfo"))
    }

    private static func contents(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}
