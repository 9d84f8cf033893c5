/// The stored tensors of one module ("model.layers.0.mlp.down_proj"), under canonical names.
struct QuantizedModule {
    let tensors: CheckpointTensors
    let name: String

    /// The tensor whose name goes on after the module's name and a dot.
    func part(_ suffix: String) throws -> StoredTensor {
        guard let part = tensors.stored(name + "." + suffix) else {
            throw ModelError.missingTensors(names: [name + "." + suffix], folder: tensors.folder)
        }
        return part
    }

    func optionalPart(_ suffix: String) -> StoredTensor? { tensors.stored(name + "." + suffix) }
}
