/// What the queue holds from earlier runs of the same job.
public struct CommittedCaptions: Sendable {
    struct Caption: Sendable, Hashable {
        var sha256: String
        /// After the recipe's postprocessing.
        var text: String
    }

    /// By request key: captions of the images as they are now.
    private(set) var current: [String: Caption] = [:]
    /// By path: captions of images that have changed since.
    private(set) var earlier: [String: [String]] = [:]

    /// Nothing, for a new job or a server's answers.
    public init() {}

    mutating func record(_ answer: CaptionAnswer, key: String, isCurrent: Bool, recipe: Recipe) {
        let text = recipe.postprocessing.reduce(answer.text) { $1.apply(to: $0) }
        if isCurrent {
            current[key] = Caption(sha256: answer.sha256, text: text)
        } else {
            earlier[String(FoundImage.path(ofKey: key)), default: []].append(text)
        }
    }

    /// Whether `held` is a caption of the image as it is now.
    func isFresh(_ held: HeldCaption, of image: FoundImage) -> Bool {
        let committed = current[image.key]
        if let sha256 = held.sha256 {
            // An image that cannot be read will say so when it is captioned.
            return sha256 == (committed?.sha256 ?? (try? ImageHash.sha256(of: image.location)))
        }
        guard let text = held.text, let old = earlier[image.path] else { return true }
        // A text is only known to be outdated if we made it: what a person wrote or corrected stays.
        let caption = text.hasSuffix("\n") ? String(text.dropLast()) : text
        return caption == committed?.text || !old.contains(caption)
    }
}
