import Captioning
import Foundation
import Testing

@testable import docent

/// What is asked of a server and read from its answers.
struct ServerWireTests {
    private let image = FoundImage(path: "a.jpg", root: "/", location: "/a.jpg", byteCount: 3, modified: 0)

    @Test(arguments: [nil, 1, 9])
    func `the limit of tiles is part of the question`(tiles: Int?) throws {
        var recipe = try Recipe(prompt: "What is it?")
        recipe.maxTiles = tiles
        let question = CaptionQuestion(of: image, CaptionSettings(recipe: recipe, roots: []), model: "m")
        let body = try question.body(with: Data([1, 2, 3]))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        #expect((json["mm_processor_kwargs"] as? [String: Int]) == tiles.map { ["max_tiles": $0] })
        #expect(json["model"] as? String == "m")
    }

    private func outcome(_ rest: String) throws -> CaptionOutcome {
        let json = #"{"id":"job_1","status":"completed","finished_at":7,\#(rest)}"#
        return try JSONDecoder().decode(AnsweredJob.self, from: Data(json.utf8)).outcome(bytes: Data([1, 2, 3]))
    }

    private func answer(docent facts: String) throws -> CaptionAnswer? {
        let response = """
            "response":{"model":"m","choices":[{"message":{"content":"A cat."},"finish_reason":"stop"}],\
            "usage":{"prompt_tokens":5,"completion_tokens":3}\(facts)}
            """
        guard case .answered(let answer) = try outcome(response) else { return nil }
        return answer
    }

    @Test func `a row gets the provenance that the server tells`() throws {
        let facts = """
            ,"docent":{"weights_sha256":"ab","quantization":"q8",\
            "images":[{"sha256":"cd","width":64,"height":32,"bytes":3}]}
            """
        let answer = try #require(try answer(docent: facts))
        #expect(answer.weightsHash == "ab" && answer.quantization == "q8" && answer.sha256 == "cd")
        #expect(answer.width == 64 && answer.height == 32 && answer.byteCount == 3)
        #expect(answer.text == "A cat." && answer.completionTokens == 3 && answer.committedAt == 7000)
    }

    @Test func `a server that tells nothing more leaves the image's hash to us`() throws {
        let answer = try #require(try answer(docent: ""))
        #expect(answer.sha256.hasPrefix("039058c6f2c0cb492c533b0a4d14ef77") && answer.byteCount == 3)
        #expect(answer.weightsHash == nil && answer.width == nil)
    }

    @Test(arguments: [
        (#""error":{"message":"?","type":"T","code":400,"docent_code":"image_truncated"}"#, "image_truncated"),
        (#""error":{"message":"?","type":"T","code":"image_empty"}"#, "image_empty"),
        (#""error":{"message":"?","type":"T","code":400,"docent_code":null}"#, "completed"),
        (#""error":null,"response":null"#, "completed"),
    ])
    func `a failure keeps its own name`(rest: String, code: String) throws {
        guard case .failed(let found, _) = try outcome(rest) else { return #expect(Bool(false), "it has no answer") }
        #expect(found == code)
    }

    @Test(arguments: ["", "a/b", "a?b", "..", "é", "job 1"])
    func `what is no job id does not get into a path`(id: String) {
        #expect(throws: CommandError.noSuchJob(id)) { try ServerJobs.checked(id) }
    }
}
