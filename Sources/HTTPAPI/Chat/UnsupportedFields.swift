import Models

/// Fields of OpenAI's and vLLM's requests that this server knows but does not act on yet.
///
/// One that asks for something is refused, because free text where a schema was asked for is worse than an error;
/// values that ask for nothing pass. Fields that nobody knows are ignored, as vLLM does.
enum UnsupportedFields {
    static func check(_ fields: JSONFields) throws(APIError) {
        for (name, neutral) in neutralValues {
            guard let value = fields[name], !neutral.contains(value) else { continue }
            throw .badRequest("\(name) is not supported yet", param: name)
        }
        if let priority = fields["priority"], priority != .integer(0) {
            throw .badRequest(
                "priority must be 0: who waits is served in order of age, open connections before what was sent with "
                    + "\"Prefer: respond-async\"", param: "priority")
        }
    }

    private static let neutralValues: [(name: String, neutral: [JSONValue])] = [
        ("functions", []), ("function_call", [.string("none")]),
        ("use_beam_search", [.boolean(false)]), ("best_of", [.integer(1)]),
        ("add_special_tokens", [.boolean(false)]), ("chat_template", []), ("documents", [.array([])]),
        ("media_io_kwargs", [.object([:])]), ("repetition_detection", []), ("audio", []), ("cache_salt", []),
        ("modalities", [.array([.string("text")])]), ("return_prompt_text", [.boolean(false)]),
        ("thinking_token_budget", []), ("stream_interval", [.integer(1)]),
    ]
}
