import Hummingbird
import NIOCore

/// The description of this interface, for programs (`/openapi.json`, OpenAPI 3.1) and for people (`/docs`).
struct DocumentRoutes: Sendable {
    func add(to router: some RouterMethods<APIContext>) {
        router.get("openapi.json") { _, _ in
            Self.response(PackageResources.openapi_json, type: "application/json")
        }
        router.get("docs") { _, _ in Self.response(PackageResources.docs_html, type: "text/html; charset=utf-8") }
    }

    private static func response(_ bytes: [UInt8], type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
