import Inference
import Models

/// The fields that name tokens.
extension SamplingParameters {
    mutating func readTokens(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) {
        stopTokens = try fields.tokens("stop_token_ids", most: ChatRules.maxStopTokens, of: rules.vocabulary) ?? []
        logitBias = try Self.logitBias(fields, rules)
        allowedTokens = try fields.tokens("allowed_token_ids", most: rules.vocabulary, of: rules.vocabulary)
        if let allowedTokens {
            let ends = rules.defaults.stopTokens.union(stopTokens)
            guard !allowedTokens.isEmpty else {
                throw .badRequest("allowed_token_ids must have at least one token", param: "allowed_token_ids")
            }
            guard minTokens == 0 || !allowedTokens.allSatisfy(ends.contains) else {
                throw .badRequest(
                    "allowed_token_ids has only tokens that end the answer, which min_tokens forbids",
                    param: "allowed_token_ids")
            }
        }
        badWords = try Self.badWords(fields, rules)
        logprobTokens = try fields.tokens("logprob_token_ids", most: ChatRules.maxLogprobTokens, of: rules.vocabulary)
        if let logprobTokens {
            guard !logprobTokens.isEmpty, topLogprobs != nil else {
                throw .badRequest(
                    "logprob_token_ids must have at least one token, and needs logprobs to be true",
                    param: "logprob_token_ids")
            }
        }
    }

    /// A word's tokens, and those that it has after a space, unless they are the space's and the same.
    private static func badWords(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) -> [[Int32]]? {
        let name = "bad_words"
        guard let nodes = try fields.list(name), !nodes.isEmpty else { return nil }
        guard nodes.count <= ChatRules.maxBadWords else {
            throw .badRequest("\(name) may have at most \(ChatRules.maxBadWords) words", param: name)
        }
        var sequences: [[Int32]] = []
        for (index, node) in nodes.enumerated() {
            guard case .string(let word) = node else { throw fields.wrongType("\(name).\(index)", "a string", node) }
            let trimmed = String(word.drop(while: \.isWhitespace))
            guard (1...ChatRules.longestStop).contains(trimmed.utf8.count) else {
                throw .badRequest("\(name) must have words of 1 to \(ChatRules.longestStop) bytes", param: name)
            }
            let plain = rules.tokenizer.encode(trimmed)
            let spaced = rules.tokenizer.encode(" " + trimmed)
            sequences.append(plain)
            if spaced.suffix(plain.count) != plain[...] { sequences.append(spaced) }
        }
        guard sequences.count <= ChatRules.maxBadWords,
            sequences.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 < rules.vocabulary } })
        else {
            throw .badRequest(
                "\(name) must be at most \(ChatRules.maxBadWords) sequences of this model's tokens, with and without a "
                    + "space before each word", param: name)
        }
        return sequences
    }

    private static func logitBias(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) -> [Int32: Float] {
        guard let node = fields["logit_bias"] else { return [:] }
        guard case .object(let members) = node else { throw fields.wrongType("logit_bias", "an object", node) }
        var biases: [Int32: Float] = [:]
        for (key, value) in members {
            guard let token = Int(key), (0..<rules.vocabulary).contains(token) else {
                throw .badRequest(
                    "logit_bias has the key \(key.prefix(20)), which is not a token of this model",
                    param: "logit_bias")
            }
            guard let bias = value.number else {
                throw fields.wrongType("logit_bias.\(token)", "a number", value)
            }
            guard (-100.0...100).contains(bias) else {
                throw .badRequest("logit_bias must be at least -100 and at most 100, not \(bias)", param: "logit_bias")
            }
            biases[Int32(token)] = Float(bias)
        }
        return biases
    }
}

extension JSONFields {
    /// At most `most` ids of tokens below `vocabulary`; nil where the field is absent.
    fileprivate func tokens(_ name: String, most: Int, of vocabulary: Int) throws(APIError) -> [Int32]? {
        guard let nodes = try list(name) else { return nil }
        guard nodes.count <= most else {
            throw .badRequest("\(name) may have at most \(most) tokens", param: name)
        }
        var tokens: [Int32] = []
        tokens.reserveCapacity(nodes.count)
        for (index, node) in nodes.enumerated() {
            guard case .integer(let token) = node else { throw wrongType("\(name).\(index)", "an integer", node) }
            guard (0..<vocabulary).contains(token) else {
                throw .badRequest("\(name) has \(token), which is not a token of this model", param: name)
            }
            tokens.append(Int32(token))
        }
        return tokens
    }
}
