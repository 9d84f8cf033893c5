public import ArgumentParser
import Compute
import ComputeCUDA
import FoundationEssentials
public import Models

/// Which model runs, on what, and how.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A checkpoint's folder, a GGUF file, or OWNER/NAME in the Hugging Face cache; else the model that comes with docent.",
            valueName: "dir"))
    var model: String?

    @Option(help: ArgumentHelp("Where to run: auto, cpu or cuda:N.", valueName: "device"))
    var device = DeviceChoice.auto

    @Option(help: ArgumentHelp("Threads of the CPU backend; all processors unless given.", valueName: "n"))
    var threads: Int?

    @Option(help: "Weights as stored (none) or as blocks of 8 (q8) or 4 bits (q4).")
    var quantize = LoadOptions.Quantization.none

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads is \(threads), expected 1 to 1024.")
        }
    }

    /// Whether somebody asked for a device or a number of threads.
    var isDeviceChosen: Bool { device != .auto || threads != nil }

    var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

    var loadOptions: LoadOptions { LoadOptions(quantization: quantize) }

    /// The folder or GGUF file to load: the one given, or the model that comes with the program.
    func folder() throws -> String { try model.map { try ModelPlace($0).path } ?? DefaultModel.folder() }

    /// Throws when a GPU was asked for and cannot be used. Where nobody asked, the CPU does; why is said, unless there is not
    /// even a driver.
    func makeBackend() throws -> any Backend {
        let environment = ProcessInfo.processInfo.environment
        switch device {
        case .cuda(let index):
            do { return try CUDABackend(index: index, environment: environment) } catch let error as CUDAError {
                throw CommandError.noCUDA(device: index, reason: error.description)
            }
        // Blocks of 8 or 4 bits are the CPU's.
        case .auto where quantize == .none:
            if let gpu = provenGPU(environment) { return gpu }
        case .auto, .cpu: break
        }
        return CPUBackend(threads: threadCount)
    }

    /// The first GPU, if it computes every operation as the CPU does: a wrong caption is worse than a late one.
    private func provenGPU(_ environment: [String: String]) -> CUDABackend? {
        let problem: String
        do {
            let gpu = try CUDABackend(index: 0, environment: environment)
            guard let wrong = try OperationFinding.all(on: gpu).first(where: { !$0.isWithin }) else { return gpu }
            problem = "\(gpu.name) computes \(wrong.name) with an error of \(wrong.error), allowed is \(wrong.allowed)"
        } catch let error as CUDAError {
            if error == .noDevice || error.isMissingDriver { return nil }
            problem = error.description
        } catch {
            problem = "\(error)"
        }
        StandardStream.error.writeLine("There is a GPU's driver, and the CPU computes: \(problem).")
        return nil
    }

    func load(on backend: any Backend) throws -> LoadedModel {
        let loaded = try ModelLoader.load(try folder(), backend: backend, options: loadOptions)
        guard let name = try model.flatMap({ try ModelPlace($0).servedName }) else { return loaded }
        var card = loaded.card
        card.name = name
        return LoadedModel(
            card: card, model: loaded.model, processor: loaded.processor, tokenizer: loaded.tokenizer,
            generation: loaded.generation)
    }
}

extension LoadedModel {
    /// Better said once, at the start, than of every picture.
    func requireImageLibrary() throws(CommandError) {
        if processor.takesImages, ImageDecoder.libraryVersion == nil { throw .noImageLibrary }
    }
}

extension LoadOptions.Quantization: ExpressibleByArgument {}
