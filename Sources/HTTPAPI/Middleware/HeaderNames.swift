import HTTPTypes

extension HTTPField.Name {
    static let requestID = known("X-Request-Id")
    static let idempotencyKey = known("Idempotency-Key")
    static let rateLimit = known("X-RateLimit-Limit-Requests")
    static let rateRemaining = known("X-RateLimit-Remaining-Requests")
    static let rateReset = known("X-RateLimit-Reset-Requests")
    static let prefer = known("Prefer")
    static let referrerPolicy = known("Referrer-Policy")
    static let preferenceApplied = known("Preference-Applied")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header's name") }
        return name
    }
}
