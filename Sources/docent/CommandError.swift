/// What can go wrong in the command itself.
enum CommandError: Error, Equatable, CustomStringConvertible {
    case noDefaultModel(searched: [String])
    case noSuchJob(String)
    case databaseBusy(path: String, pid: Int32)
    case badServerURL(String)
    case serverUnreachable(url: String, reason: String)
    case serverAnswer(url: String, status: Int, message: String)
    case outputLost(reason: String)
    case unreadableAnswer(url: String, reason: String)

    var description: String {
        switch self {
        case .noDefaultModel(let searched):
            "The model that comes with docent is in none of \(searched.joined(separator: ", ")); "
                + "keep docent_docent.resources beside the executable, or give --model."
        case .noSuchJob(let id):
            "There is no job \(id); `docent jobs list` shows those there are."
        case .databaseBusy(let path, let pid):
            "The database \(path) is in use by process \(pid), which is no server: wait for it, or give another --database."
        case .badServerURL(let url):
            "The server's address \(url) should look like http://127.0.0.1:8000."
        case .serverUnreachable(let url, let reason):
            "The server at \(url) does not answer (\(reason)): is it running, and is this its address?"
        case .serverAnswer(let url, let status, let message):
            "The server at \(url) refused with status \(status): \(message)"
        case .outputLost(let reason):
            "Standard output takes nothing more: \(reason)."
        case .unreadableAnswer(let url, let reason):
            "The answer of \(url) cannot be read (\(reason)): is this a docent server of the same version?"
        }
    }
}
