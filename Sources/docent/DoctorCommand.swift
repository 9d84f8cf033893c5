import ArgumentParser

/// `docent doctor`: which device, libraries, limits, database and model would be used, and why.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say which device, libraries, limits, database and model are in use, and why.",
        discussion: "Exit status: 0 docent can work; 1 something keeps it from working.")

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Run every operation on the device and hold it against the CPU.")
    var check = false

    @OptionGroup var modelOptions: ModelOptions
    @OptionGroup var databaseOptions: DatabaseOptions
    @OptionGroup var imageLimits: ImageLimitOptions

    func run() async throws {
        let report = await DoctorReport(modelOptions, databaseOptions, imageLimits.limits, checks: check)
        if json { try JSONOutput.print(report) } else { try StandardStream.output.write(report.text) }
        if !report.problems.isEmpty { throw ExitCode(1) }
    }
}
