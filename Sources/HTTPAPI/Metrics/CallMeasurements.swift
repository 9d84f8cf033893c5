import Hummingbird
import Synchronization
import Workers

/// Calls by route, method and status, and how long each took until its answer's head was ready.
final class CallMeasurements: Sendable {
    private struct Call: Hashable {
        /// The route's pattern, never the path that a client made up: there are only so many.
        let handler: String
        let method: String
        let status: Int
    }

    private let state = Mutex((calls: [Call: Int](), times: Histogram(bounds: [0.01, 0.1, 0.5, 1, 5, 10, 60, 300])))

    func note(_ handler: String?, _ method: HTTPRequest.Method, _ status: HTTPResponse.Status, took time: Duration) {
        let known: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        let method = known.contains(method) ? method.rawValue : "other"
        state.withLock { state in
            state.calls[Call(handler: handler ?? "none", method: method, status: status.code), default: 0] += 1
            state.times.observe(time)
        }
    }

    func text() -> PrometheusText {
        let (calls, times) = state.withLock { $0 }
        var text = PrometheusText()
        text.add(
            "http_requests_total", .counter, "Calls by route, method and status.",
            calls.sorted {
                ($0.key.handler, $0.key.method, $0.key.status) < ($1.key.handler, $1.key.method, $1.key.status)
            }
            .map { ([("handler", $0.handler), ("method", $0.method), ("status", String($0.status))], Double($1)) })
        text.histogram("http_request_duration_seconds", "Until the answer's head was ready.", times)
        return text
    }
}
