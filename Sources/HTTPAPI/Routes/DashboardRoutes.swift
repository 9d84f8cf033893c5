import Hummingbird
import NIOCore

/// The page at `/` where a person watches jobs. Its three files say nothing about this server and are open; everything
/// that they fetch asks for a key where keys are set.
struct DashboardRoutes: Sendable {
    /// Only the page's own files and connections, and pictures that it has fetched itself: a caption that got into the page
    /// as markup in spite of everything could neither run nor load anything.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    func add(to router: some RouterMethods<APIContext>) {
        router.get("/") { _, _ in
            Self.response(PackageResources.index_html, type: "text/html; charset=utf-8")
        }
        router.get("dashboard.css") { _, _ in
            Self.response(PackageResources.dashboard_css, type: "text/css; charset=utf-8")
        }
        router.get("dashboard.js") { _, _ in
            Self.response(PackageResources.dashboard_js, type: "text/javascript; charset=utf-8")
        }
    }

    private static func response(_ bytes: [UInt8], type: String) -> Response {
        var headers: HTTPFields = [.contentType: type, .cacheControl: "no-cache"]
        headers[.contentSecurityPolicy] = policy
        headers[.xContentTypeOptions] = "nosniff"
        headers[.referrerPolicy] = "no-referrer"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
