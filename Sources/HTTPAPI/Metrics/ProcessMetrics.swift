import FoundationEssentials

/// The process as Prometheus' client libraries describe it, read from `/proc/self`; nothing where there is none.
enum ProcessMetrics {
    static func text() -> PrometheusText {
        var text = PrometheusText()
        if let memory = contents(of: "statm")?.split(separator: " "), memory.count > 1, let virtual = Int(memory[0]),
            let resident = Int(memory[1])
        {
            text.gauge("process_virtual_memory_bytes", "Address space in use.", virtual * pageSize)
            text.gauge("process_resident_memory_bytes", "Memory in use.", resident * pageSize)
        }
        if let seconds = processorSeconds {
            text.counter("process_cpu_seconds_total", "Processor time, user and system.", seconds)
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            text.gauge("process_open_fds", "Open file descriptors.", open)
        }
        return text
    }

    private static let pageSize = 4096
    /// Linux shows times in hundredths of a second to programs, whatever the kernel's own tick is.
    private static let ticksPerSecond = 100.0

    /// Fields 14 and 15 of `stat`; the name in field 2 may contain spaces and parentheses, so they are counted from its end.
    private static var processorSeconds: Double? {
        guard let stat = contents(of: "stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        return (user + system) / ticksPerSecond
    }

    private static func contents(of file: String) -> String? {
        (try? Data(contentsOf: URL(filePath: "/proc/self/\(file)"))).map { String(decoding: $0, as: UTF8.self) }
    }
}
