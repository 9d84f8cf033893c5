import Testing

@testable import ModelHub

struct ModelReferenceTests {
    @Test(
        arguments: [
            ("owner/model", "owner/model", nil, "main"),
            ("Owner/my_model.v1-2@v1.0", "Owner/my_model.v1-2", nil, "v1.0"),
            ("o/m@refs/pr/1", "o/m", nil, "refs/pr/1"),
            ("o/m/x.Q4_0.gguf", "o/m", "x.Q4_0.gguf", "main"),
            ("o/m/Q4/x.gguf@main", "o/m", "Q4/x.gguf", "main"),
        ] as [(String, String, String?, String)])
    func `a model is named by owner, name, file and revision`(
        text: String, repository: String, file: String?, revision: String
    ) throws {
        let reference = try ModelReference(text)
        #expect(reference.repository == repository && reference.file == file && reference.revision == revision)
    }

    @Test(arguments: [
        "", "model", "/abs/olute", "owner/", "/model", "../x", "owner/..", "o/m/../../x", "o/m@", "o/m@../x", "o/m@/x",
        "o/-m", "o/m.", "o/a--b", "o/a..b", "o/m b", "o/m\u{0}", "o/m@x\ny", "o/m//x", "o\\m/x", "ö/m",
        "o/" + String(repeating: "m", count: 97), "o/m@" + String(repeating: "r", count: 201),
    ])
    func `what leads elsewhere or is no name is refused`(text: String) {
        #expect(throws: HubError.self) { try ModelReference(text) }
    }
}
