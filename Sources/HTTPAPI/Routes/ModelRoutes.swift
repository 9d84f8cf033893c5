import Hummingbird
import Models

/// `GET /v1/models` and `GET /v1/models/{id}`, whose id may contain slashes, encoded or not.
struct ModelRoutes: Sendable {
    let models: [ModelObject]

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/models") { _, _ in Response(json: ModelObject.list(models)) }
        router.get("v1/models/**") { _, context in
            let name = context.parameters.getCatchAll().joined(separator: "/")
            guard let decoded = PercentEncoding.decoded(name.utf8),
                let model = models.first(where: { $0.name.utf8.elementsEqual(decoded) })
            else { throw APIError.notFound("The model `\(name.prefix(200))` does not exist.", param: "model") }
            return Response(json: model.json)
        }
    }
}
