import ArgumentParser
import Captioning
import Inference

/// What is asked of every image, and what of a recipe is overridden.
struct RecipeOptions: ParsableArguments {
    @Option(help: "What to ask: \(RecipeLibrary.names.joined(separator: ", ")), or a .json file.")
    var recipe: String?

    @Option(help: "A prompt of your own; may use {filename}, {stem}, {folder} and {path}.")
    var prompt: String?

    @Option(help: ArgumentHelp("Longest caption, in tokens.", valueName: "n"))
    var maxTokens: Int?

    @Option(help: ArgumentHelp("0 for the likeliest caption, up to 2.", valueName: "t"))
    var temperature: Float?

    @Option(help: ArgumentHelp("Most tiles an image is cut into; 1 for none.", valueName: "n"))
    var maxTiles: Int?

    func validate() throws {
        if recipe != nil, prompt != nil { throw ValidationError("Give --recipe or --prompt, not both.") }
    }
}
