import Hummingbird
import Synchronization

/// Which methods a path has: what a 405 must tell. Filled once all routes are there.
final class RouteTable: Sendable {
    private struct Route {
        let path: RouterPath
        let method: String
    }

    private let routes = Mutex<[Route]>([])

    func fill(from router: Router<APIContext>) {
        let found = router.routes.map { Route(path: $0.path, method: $0.method.rawValue) }
        routes.withLock { $0 = found }
    }

    /// Sorted; empty for a path that is not served.
    func methods(for path: String) -> [String] {
        let components = path.split(separator: "/")
        let methods = routes.withLock { routes in
            routes.filter { Self.matches(components, $0.path) }.map(\.method)
        }
        return Set(methods.contains("GET") ? methods + ["HEAD"] : methods).sorted()
    }

    /// "GET /v1/models/{id}", as OpenAPI writes paths.
    var all: [String] {
        routes.withLock { routes in
            routes.map { route in
                let path = route.path.map { element in
                    let text = element.description
                    if text == "**" { return "{id}" }
                    return text.hasPrefix(":") ? "{\(text.dropFirst())}" : text
                }
                return "\(route.method) /\(path.joined(separator: "/"))"
            }
        }
    }

    private static func matches(_ components: [Substring], _ path: RouterPath) -> Bool {
        var rest = components[...]
        for element in path {
            if element.description == "**" { return !rest.isEmpty }
            guard let component = rest.popFirst(), element ~= component else { return false }
        }
        return rest.isEmpty
    }
}
