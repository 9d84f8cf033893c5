import Captioning
import Inference
import Testing

struct RecipeTests {
    private func recipe(_ json: String) throws -> Recipe { try Recipe(json: Array(json.utf8), origin: "mine.json") }

    private func problem(_ json: String) throws -> String {
        try #require(#expect(throws: CaptionError.self) { _ = try recipe(json) }).description
    }

    @Test(arguments: RecipeLibrary.names)
    func `every recipe that ships can be used, and is greedy`(name: String) throws {
        let recipe = try RecipeLibrary.recipe(name)
        #expect(recipe.name == name)
        #expect(!recipe.description.isEmpty)
        #expect(recipe.sampling.temperature == 0)
        #expect(recipe.output == Recipe.OutputDefaults())
    }

    @Test func `the default recipe asks what the samples' expected answers answer`() throws {
        #expect(try RecipeLibrary.recipe(RecipeLibrary.defaultName).prompt.source == "Describe this image.")
    }

    @Test func `a recipe says everything that it can say`() throws {
        let recipe = try recipe(
            """
            {"name": "n", "description": "d", "prompt": "Is {stem} here?", "system": "Be brief.", "max_tokens": 7,
             "max_tiles": 2, "sampling": {"temperature": 0.5, "top_p": 0.9, "top_k": 4, "min_p": 0.1,
             "repetition_penalty": 1.1, "seed": 9, "stop": ["."]}, "postprocess": ["tags"],
             "output": {"sidecar": "txt", "existing": "append"}}
            """)
        #expect(recipe.sampling.temperature == 0.5 && recipe.sampling.topP == 0.9 && recipe.sampling.topK == 4)
        #expect(recipe.sampling.minP == 0.1 && recipe.sampling.repetitionPenalty == 1.1 && recipe.sampling.seed == 9)
        #expect(recipe.sampling.stop == ["."] && recipe.sampling.maxTokens == 7 && recipe.maxTiles == 2)
        #expect(recipe.system == "Be brief." && recipe.postprocessing == [.tags])
        let settings = CaptionSettings(recipe: recipe, roots: ["x"])
        #expect(settings.sidecar == .txt && settings.existing == .append)
    }

    @Test(arguments: [
        (#"{"name": "n", "prompt": "p", "max_token": 3}"#, "max_token"),
        (#"{"name": "n", "prompt": "p", "sampling": {"topp": 3}}"#, "topp"),
        (#"{"name": "n", "prompt": "p", "output": {"sidecars": "txt"}}"#, "sidecars"),
        (#"{"name": "n"}"#, "prompt"),
        (#"{"name": "n", "prompt": 3}"#, "prompt"),
        (#"{"name": "n", "prompt": "p", "postprocess": ["shout"]}"#, "postprocess"),
        (#"{"name": "n", "prompt": "p", "sampling": {"temperature": 3}}"#, "temperature is 3.0"),
        (#"{"name": "n", "prompt": "p", "sampling": {"top_p": 0}}"#, "top_p"),
        (#"{"name": "n", "prompt": "p", "max_tokens": 0}"#, "max_tokens is 0"),
        (#"{"name": "n", "prompt": "p", "max_tiles": -1}"#, "max_tiles is -1"),
        (#"{"name": "n", "prompt": "  "}"#, "empty"),
        (#"{"name": "n", "prompt": "{size}"}"#, "{size}"),
        ("[]", "JSON object"), ("{", "JSON object"), ("", "JSON object"),
    ])
    func `a recipe that cannot be used says where and why`(json: String, word: String) throws {
        let text = try problem(json)
        #expect(text.contains(word) && text.contains("mine.json"), "\(text)")
    }

    @Test func `an unknown recipe names those there are`() throws {
        let error = #expect(throws: CaptionError.self) { _ = try RecipeLibrary.recipe("captoin") }
        #expect(error?.description.contains("caption, alt-text, tags, ocr") == true)
    }

    @Test(arguments: [
        ("Describe this image.", "Describe this image."), ("{filename}", "cat.1.jpg"),
        ("{stem}|{folder}|{path}", "cat.1|pets|all/pets/cat.1.jpg"),
        ("{{stem}}", "{stem}"), (#"Answer {{"name": "{stem}"}}"#, #"Answer {"name": "cat.1"}"#),
    ])
    func `a prompt's variables become what is known of the image`(prompt: String, expected: String) throws {
        #expect(try PromptTemplate(prompt).text(for: "all/pets/cat.1.jpg") == expected)
    }

    @Test(arguments: ["{", "}", "{stem", "a } b", #"{"a": 1}"#, "{Stem}", "{}"])
    func `a prompt with a brace too many is refused before anything runs`(prompt: String) {
        #expect(throws: CaptionError.self) { _ = try PromptTemplate(prompt) }
    }

    @Test(arguments: [
        (TextStep.trim, "  a  b \n", "a  b"), (.singleLine, " a \n\n b\t c ", "a b c"),
        (.collapse, "a  b\n\n\n\tc ", "a b\n\nc"),
        (.tags, "Cat, dog; cat\n- Red ball.\n2. 3 dogs", "cat, dog, red ball, 3 dogs"), (.tags, "", ""),
        (.trim, "", ""),
        (.tags, "mushroom, taco", "mushroom, taco"),
    ])
    func `an answer is tidied as the recipe says`(step: TextStep, answer: String, expected: String) {
        #expect(step.apply(to: answer) == expected)
    }
}
