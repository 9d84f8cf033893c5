import Foundation
import Inference
import Models
import Testing

@testable import Workers

/// Rows outlive the version that wrote them.
@Suite struct StoredWorkTests {
    @Test func `requests and answers of the first version are read`() throws {
        let sampling = """
            {"temperature":0.5,"topP":1,"topK":0,"minP":0,"presencePenalty":0,"frequencyPenalty":0,
            "repetitionPenalty":1,"stop":["x"],"stopTokens":[],"includeStop":false,"ignoreEndOfSequence":false,
            "maxTokens":9,"minTokens":0,"logitBias":[3,-1],"skipSpecialTokens":true}
            """
        let payload = """
            {"messages":[{"role":"user","content":[{"image":{}},{"text":{"_0":"What?"}}]}],
            "images":[{"url":{"_0":"https://example.org/a.png"}}],"sampling":\(sampling),"choices":1}
            """
        let work = try JSONDecoder().decode(ChatWork.self, from: Data(payload.utf8))
        #expect(work.messages == [ChatMessage(role: "user", content: [.image, .text("What?")])])
        #expect(work.sampling.temperature == 0.5 && work.sampling.logitBias == [3: -1])
        #expect(work.sampling.allowedTokens == nil && work.prompt == nil && work.tools == nil)
        let result = """
            {"model":"m","weightsHash":"0","choices":[{"index":0,"text":"yes","finishReason":"stop"}],
            "usage":{"promptTokens":3,"completionTokens":1,"cachedTokens":0},"images":[]}
            """
        let answer = try JSONDecoder().decode(ChatAnswer.self, from: Data(result.utf8))
        #expect(answer.choices.map(\.text) == ["yes"] && answer.choices[0].toolCalls == nil)
    }

    @Test func `all that a request can ask for is read back as it was written`() throws {
        var work = ChatWork.question("What?", [.url("https://example.org/a.png")])
        work.messages.append(
            ChatMessage(
                role: "assistant", content: [], toolCalls: [ToolCall(id: "1", name: "f", arguments: #"{"b":1,"a":2}"#)],
                reasoning: "hm"))
        work.messages.append(ChatMessage(role: "tool", content: [.text("x")], toolCallID: "1", name: "f"))
        let tool = try JSONValue.parse(#"{"z":{"y":[1,2.5,null,true,"é\n"]},"a":{}}"#, name: "tool")
        work.prompt = PromptOptions(
            ending: .finalMessage, variables: ["enable_thinking": .boolean(false)], tools: [tool], keptTokens: 5,
            keepsBeginning: true)
        work.tools = ToolUse(functions: ["f"], allowsSeveral: false)
        work.reporting = TokenReporting(hasIDs: true, namesByID: true)
        (work.coarseImages, work.echo, work.requestID) = ([0], "It", "mine")
        work.sampling.allowedTokens = [1]
        work.sampling.badWords = [[1, 2]]
        work.sampling.logprobTokens = [3]
        work.sampling.promptLogprobs = 2
        let read = try JSONDecoder().decode(ChatWork.self, from: JSONEncoder().encode(work))
        #expect(read == work)
        // Equality of objects does not see the order of keys, which prompts do.
        #expect(read.prompt?.tools.map(\.text) == [#"{"z":{"y":[1,2.5,null,true,"é\n"]},"a":{}}"#])
    }
}
