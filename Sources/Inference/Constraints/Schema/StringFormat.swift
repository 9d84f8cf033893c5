/// The formats of JSON Schema strings that are kept, each as a regular expression for a part of what it allows.
///
/// Dates leave out 29 February, times leap seconds, addresses of mail and hosts what only few of them have: an answer that
/// keeps these keeps the format under every checker.
enum StringFormat {
    static let expressions: [String: String] = [
        "date": date, "time": time, "date-time": date + "T" + time,
        "duration": "P([0-9]{1,4}[YMWD]|([0-9]{1,4}D)?T([0-9]{1,4}H|[0-9]{1,4}M|[0-9]{1,4}S))",
        "email": #"[a-zA-Z0-9_+\-]{1,32}(\.[a-zA-Z0-9_+\-]{1,16}){0,2}@"# + host,
        "hostname": host, "ipv4": octet + #"(\."# + octet + "){3}",
        "ipv6": "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}",
        "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "uri": #"https?://"# + host + #"(/[a-zA-Z0-9_.~\-]{0,64}){0,8}"#,
    ]

    /// Names that only say how a number is stored.
    static let ofNumbers: Set<String> = ["int64", "float", "double"]

    private static let year = "[12][0-9]{3}"
    private static let date =
        year + "-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
        + "|02-(0[1-9]|1[0-9]|2[0-8]))"
    private static let clock = "([01][0-9]|2[0-3]):[0-5][0-9]"
    private static let time = clock + #":[0-5][0-9](\.[0-9]{1,6})?(Z|[+\-]"# + clock + ")"
    private static let label = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
    private static let host = label + #"(\."# + label + #"){0,3}\.[a-z]{2,12}"#
    private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
}
