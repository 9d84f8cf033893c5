import ArgumentParser
import Compute
import ComputeCUDA
import FoundationEssentials

/// What `--device` says.
enum DeviceChoice: Equatable, ExpressibleByArgument {
    /// The first GPU where one can be used, else the processor.
    case auto
    case cpu
    case cuda(Int)

    init?(argument: String) {
        switch argument {
        case "auto": self = .auto
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            guard argument.hasPrefix("cuda:"), let index = UInt8(argument.dropFirst("cuda:".count)) else { return nil }
            self = .cuda(Int(index))
        }
    }

    var defaultValueDescription: String {
        switch self {
        case .auto: "auto"
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// What `docent doctor` says of the device that was chosen.
    func why(_ cuda: CUDASurvey) -> String {
        switch self {
        case .cpu, .cuda: return "--device \(defaultValueDescription) was given"
        case .auto:
            return "--device auto, and " + (cuda.problem.map { "there is no CUDA: \($0)" } ?? "it is the first GPU")
        }
    }
}
