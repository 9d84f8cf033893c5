public import Models
import Synchronization

/// Compiles output constraints for one model, and keeps the last few.
///
/// Compiling takes milliseconds, for a large schema tens of them, and belongs on a thread that may be busy.
public final class ConstraintCompiler: Sendable {
    private struct Kept {
        let source: OutputConstraint
        let constraint: Constraint
    }

    private let tokenizer: Tokenizer
    private let endTokens: Set<Int32>
    /// Made when it is first wanted: it takes some hundredths of a second and a few megabytes.
    private let vocabulary = Mutex<ConstraintVocabulary?>(nil)
    /// The latest used first.
    private let kept = Mutex<[Kept]>([])

    /// - Parameter endTokens: tokens that end the model's answers.
    public init(tokenizer: Tokenizer, endTokens: Set<Int32>) {
        self.tokenizer = tokenizer
        self.endTokens = endTokens
    }

    public convenience init(model: LoadedModel) {
        self.init(tokenizer: model.tokenizer, endTokens: model.generation.stopTokens)
    }

    public func compile(_ source: OutputConstraint) throws(ConstraintError) -> Constraint {
        if let known = kept(source) { return known }
        let graph = try GraphBuilder.graph(of: ConstraintRules.rules(of: source))
        let constraint = Constraint(graph, loadedVocabulary())
        // Whatever is hopeless or too much shows here, not while the model waits.
        let first = constraint.cursor()
        guard try !first.mask().isEmpty else {
            throw first.isAccepting ? .unsatisfiable(reason: "it allows only the empty text") : .noToken
        }
        keep(Kept(source: source, constraint: constraint))
        return constraint
    }

    private func kept(_ source: OutputConstraint) -> Constraint? {
        kept.withLock { kept in
            guard let index = kept.firstIndex(where: { $0.source == source }) else { return nil }
            let found = kept.remove(at: index)
            kept.insert(found, at: 0)
            return found.constraint
        }
    }

    private func keep(_ new: Kept) {
        kept.withLock { kept in
            kept.insert(new, at: 0)
            if kept.count > ConstraintLimits.compiled { kept.removeLast() }
        }
    }

    private func loadedVocabulary() -> ConstraintVocabulary {
        vocabulary.withLock { vocabulary in
            let loaded = vocabulary ?? ConstraintVocabulary(tokenizer, endTokens: endTokens)
            vocabulary = loaded
            return loaded
        }
    }
}
