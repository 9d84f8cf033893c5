import ArgumentParser
import Captioning
import FoundationEssentials
import Jobs
import Workers

/// `docent jobs results`: what came of a job's requests so far.
struct JobResultsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "results", abstract: "Print what came of a job's requests so far.",
        discussion: """
            One line, key<TAB>answer, for each request that succeeded; the others, and why, on standard error. With \
            --json one object a line for each. Exit status: 2 when some have failed.
            """)
    @OptionGroup var options: JobsOptions
    @Argument var id: String

    func run() async throws {
        let hasFailures = try await options.look { jobs in
            _ = try await jobs.job(id)
            var hasFailures = false
            var last: String?
            while case let page = try await jobs.results(of: id, after: last), !page.isEmpty {
                for result in page {
                    if options.json {
                        try JSONOutput.print(result)
                    } else if let text = result.text {
                        try StandardStream.output.writeLine("\(result.key)\t\(Self.oneLine(text))")
                    } else {
                        StandardStream.error.writeLine("\(result.key): \(result.message ?? result.status)")
                    }
                    hasFailures = hasFailures || ["failed", "expired"].contains(result.status)
                }
                last = page.last?.id
            }
            return hasFailures
        }
        if hasFailures { throw ExitCode(2) }
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

/// What came of a request: an answer's text, or why there is none.
struct ResultView: Encodable, Sendable, Hashable {
    var id: String
    var key: String
    var status: String
    var text: String?
    var message: String?
}

extension DatabaseJobs {
    private static let page = 200
    /// As `/v1/jobs` has it.
    private static let idPrefix = "req_"

    func results(of id: String, after: String?) async throws -> [ResultView] {
        let ended = Set(RequestState.allCases.filter(\.isFinal))
        let last = after.flatMap { Int64($0.dropFirst(Self.idPrefix.count)) }.map(RequestID.init(rawValue:))
        let id = JobID(rawValue: id)
        let captions = try await reader.job(id).flatMap(JobCaptions.init(of:))
        return try await reader.requests(of: id, states: ended, after: last, limit: Self.page).map {
            let answer = $0.result.flatMap { try? JSONDecoder().decode(ChatAnswer.self, from: Data($0.utf8)) }
            return ResultView(
                id: "\(Self.idPrefix)\($0.id.rawValue)", key: $0.key, status: $0.state.rawValue,
                text: answer?.choices.first.map { captions?.caption(of: $0.text) ?? $0.text },
                message: $0.failure?.message)
        }
    }
}

extension ServerJobs {
    func results(of id: String, after: String?) async throws -> [ResultView] {
        let cursor = try after.map { "&after=\(try Self.checked($0))" } ?? ""
        let path = "/v1/jobs/\(try Self.checked(id))/results?limit=200\(cursor)"
        return try await server.get(path, as: ServerList<EndedRequest>.self).data.map {
            ResultView(
                id: $0.id, key: $0.key, status: $0.status,
                text: $0.caption ?? $0.response?.choices.first?.message.content,
                message: $0.error?.message)
        }
    }

    private struct EndedRequest: Decodable, Sendable {
        let id, key, status: String
        let caption: String?
        let response: Completion?
        let error: ServerProblem?
    }

    private struct Completion: Decodable, Sendable { let choices: [Choice] }
    private struct Choice: Decodable, Sendable { let message: Message }
    private struct Message: Decodable, Sendable { let content: String? }
}
