import Models

extension ServerClient {
    /// The name of the model that shall answer: the server's own, or the one that was asked for if the server has it.
    func model(for options: ModelOptions) async throws -> String {
        if options.quantize != .none { throw CommandError.serverDecides(option: "--quantize \(options.quantize)") }
        let served = try await get("/v1/models", as: ServerList<ModelName>.self).data.map(\.id)
        guard let first = served.first else {
            throw CommandError.unreadableAnswer(url: base + "/v1/models", reason: "it lists no model")
        }
        guard let model = options.model else { return first }
        // The cache here need not hold what the server has.
        let wanted = (try? ModelPlace(model)).map { $0.servedName ?? ModelCard.name(ofFolder: $0.path) } ?? model
        guard let name = served.first(where: { $0.lowercased() == wanted.lowercased() }) else {
            throw CommandError.otherModel(url: base, wanted: wanted, served: served)
        }
        return name
    }
}

private struct ModelName: Decodable, Sendable {
    let id: String
}
