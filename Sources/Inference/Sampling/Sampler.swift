import Models

/// Chooses the tokens of one request, by its own parameters and its own random numbers.
///
/// The rules work in vLLM's order: the constraint, allowed tokens and bad words, bias, forbidden end tokens, penalties;
/// then, unless greedy, temperature, min-p, top-k, top-p and a draw. A rule that the request does not use is not there.
struct Sampler: Sendable {
    /// Temperatures below this are greedy, as in vLLM: dividing by them would overflow.
    static let greedyBelow: Float = 1e-5

    private let parameters: SamplingParameters
    private let seed: UInt64
    private let allowed: AllowedTokens?
    private var badWords: BadWords?
    private let bias: LogitBias?
    private let minimum: MinimumTokens
    private var penalties: Penalties?
    private var rail: ConstraintRail?
    private var length = 0
    /// Why there is no next token, when it is the constraint's fault.
    private(set) var failure: ConstraintError?

    /// `endTokens`: all that would end the answer. `seed` serves when the parameters have none.
    init(
        _ parameters: SamplingParameters, prompt: Prompt, endTokens: Set<Int32>, seed: UInt64,
        constraint: Constraint? = nil
    ) {
        self.parameters = parameters
        self.seed = parameters.seed ?? seed
        allowed = parameters.allowedTokens.map(AllowedTokens.init(tokens:))
        badWords = parameters.badWords.flatMap { $0.isEmpty ? nil : BadWords($0) }
        bias = parameters.logitBias.isEmpty ? nil : LogitBias(bias: parameters.logitBias)
        minimum = MinimumTokens(count: parameters.minTokens, endTokens: endTokens)
        penalties = Penalties(parameters, promptTokens: Self.words(of: prompt))
        rail = constraint.map { ConstraintRail($0, endTokens: endTokens) }
    }

    private static func words(of prompt: Prompt) -> Set<Int32> {
        let places = Set(prompt.images.flatMap(\.positions))
        return Set(prompt.tokens.indices.lazy.filter { !places.contains($0) }.map { prompt.tokens[$0] })
    }

    /// The next token, or nil when `logits` (one per token of the vocabulary) hold no finite number, or the rules leave none.
    mutating func next(_ logits: ArraySlice<Float>) -> GeneratedToken? {
        guard let likeliest = Argmax.of(logits), let token = chosen(logits, likeliest.index) else { return nil }
        note(token)
        guard let alternatives = parameters.topLogprobs else { return GeneratedToken(id: token) }
        let logprobs = Logprobs(logits, greatest: likeliest.value)
        return GeneratedToken(
            id: token, logprob: logprobs[token], alternatives: alternativesReported(alternatives, logprobs))
    }

    /// The likeliest, and then those that the request names and that are not among them.
    private func alternativesReported(_ count: Int, _ logprobs: Logprobs) -> [TokenAlternative] {
        let top = logprobs.top(count)
        guard let named = parameters.logprobTokens else { return top }
        let shown = Set(top.map(\.id))
        return top + named.filter { !shown.contains($0) }.map { TokenAlternative(id: $0, logprob: logprobs[$0]) }
    }

    /// The answer goes on with `token`.
    mutating func note(_ token: Int32) {
        length += 1
        penalties?.note(token)
        badWords?.note(token)
        do { try rail?.advance(token) } catch { failure = error }
    }

    /// Whether nothing can follow what there is.
    var mustEnd: Bool { rail?.isComplete ?? false }

    private mutating func chosen(_ logits: ArraySlice<Float>, _ likeliest: Int) -> Int32? {
        guard failure == nil else { return nil }
        do { return try choose(logits, likeliest) } catch {
            failure = error
            return nil
        }
    }

    private func choose(_ logits: ArraySlice<Float>, _ likeliest: Int) throws(ConstraintError) -> Int32? {
        if isGreedy && !changesLogits, try rail?.allows(Int32(likeliest)) ?? true { return Int32(likeliest) }
        let logits = ruled(logits, within: try rail?.allowed())
        guard let best = Argmax.of(logits[...]) else { return nil }
        return isGreedy ? Int32(best.index) : draw(logits, greatest: best.value)
    }

    private var isGreedy: Bool { parameters.temperature < Self.greedyBelow }

    private var changesLogits: Bool {
        allowed != nil || badWords != nil || bias != nil || penalties != nil || minimum.isActive(atLength: length)
    }

    /// `logits` after every rule; −∞ for tokens that may not be drawn.
    func ruled(_ logits: ArraySlice<Float>, within rail: ConstraintRail.Allowed? = nil) -> [Float] {
        var logits = Array(logits)
        rail?.apply(to: &logits)
        allowed?.apply(to: &logits)
        badWords?.apply(to: &logits)
        bias?.apply(to: &logits)
        if minimum.isActive(atLength: length) { minimum.apply(to: &logits) }
        penalties?.apply(to: &logits)
        if isGreedy { return logits }
        for index in logits.indices { logits[index] /= parameters.temperature }
        guard let greatest = Argmax.of(logits[...])?.value else { return logits }
        if parameters.minP > 0 { MinP(share: parameters.minP).apply(to: &logits, greatest: greatest) }
        if parameters.topK > 0 { TopK(count: parameters.topK).apply(to: &logits, greatest: greatest) }
        if parameters.topP < 1 { TopP(mass: parameters.topP).apply(to: &logits, greatest: greatest) }
        return logits
    }

    /// The token at which the running sum of probabilities passes a random share of the whole.
    private func draw(_ logits: [Float], greatest: Float) -> Int32? {
        let weights = SoftmaxWeights.of(logits[...], greatest: greatest)
        let sum = SoftmaxWeights.sum(of: weights)
        guard sum.isFinite else { return nil }
        var left = Philox.uniform(seed: seed, index: length) * sum
        for (token, weight) in weights.enumerated() {
            left -= Double(weight)
            if left < 0 { return Int32(token) }
        }
        // Rounding may leave a rest beyond the last weight; it belongs to the last token that has any.
        return weights.lastIndex { $0 > 0 }.map { Int32($0) }
    }
}
