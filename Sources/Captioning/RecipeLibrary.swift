/// The recipes that ship inside the binary, and those in files.
public enum RecipeLibrary {
    /// Asked for when neither `--recipe` nor `--prompt` is given.
    public static let defaultName = "caption"

    private static let embedded: [(name: String, json: [UInt8])] = [
        ("caption", PackageResources.caption_json),
        ("alt-text", PackageResources.alt_text_json),
        ("tags", PackageResources.tags_json),
        ("ocr", PackageResources.ocr_json),
    ]

    public static var names: [String] { embedded.map(\.name) }

    /// The recipe of that name, or in that file when `reference` ends in ".json".
    public static func recipe(_ reference: String) throws(CaptionError) -> Recipe {
        if let found = embedded.first(where: { $0.name == reference }) {
            return try Recipe(json: found.json, origin: found.name)
        }
        guard reference.hasSuffix(".json") else { throw .unknownRecipe(name: reference, known: names) }
        guard let json = try AtomicFile.content(of: reference) else { throw .pathMissing(reference) }
        return try Recipe(json: json, origin: reference)
    }
}
