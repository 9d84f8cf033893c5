/// What can go wrong in the command itself.
enum CommandError: Error, Equatable, CustomStringConvertible {
    case noDefaultModel(searched: [String])
    case noSuchModel(String, cache: String)
    case pullInterrupted
    case noSuchJob(String)
    case databaseBusy(path: String, pid: Int32)
    case nobodyWorks(on: String)
    case badServerURL(String)
    case otherModel(url: String, wanted: String, served: [String])
    case serverDecides(option: String)
    case noServer(path: String)
    case serverUnreachable(url: String, reason: String)
    case serverLost(url: String, patience: Duration, reason: String)
    case serverAnswer(url: String, status: Int, code: String?, message: String)
    case outputLost(reason: String)
    case noImageLibrary
    case noCUDA(device: Int, reason: String)
    case serverHasDatabase(path: String, url: String)
    case invalidBatch(path: String, faults: [String])
    case unreadableAnswer(url: String, reason: String)
    case unreadableKeys(path: String, reason: String)

    var description: String {
        switch self {
        case .noDefaultModel(let searched):
            "The model that comes with docent is in none of \(searched.joined(separator: ", ")); "
                + "keep docent_docent.resources beside the executable, or give --model."
        case .noSuchModel(let model, let cache):
            "\(model) is no folder or file here, and the Hugging Face cache at \(cache) holds no checkpoint of that name: "
                + "`docent models pull \(model)` fetches it."
        case .pullInterrupted: "Interrupted: what came is kept; give the same command again to go on."
        case .noSuchJob(let id):
            "There is no job \(id); `docent jobs list` shows those there are."
        case .databaseBusy(let path, let pid):
            "The database \(path) is in use by process \(pid), which is no server and takes no orders: wait for it, "
                + "interrupt it (it can be continued), or give another --database."
        case .nobodyWorks(let id):
            "Nobody works on the job \(id): start docent serve, or give its docent caption again."
        case .badServerURL(let url):
            "The server's address \(url) should look like http://127.0.0.1:8000."
        case .otherModel(let url, let wanted, let served):
            "The server at \(url) has \(served.joined(separator: ", ")) and not the model \(wanted): leave out --model, "
                + "or run it here with another --database and without --server."
        case .serverDecides(let option):
            "\(option) was given, and that is for the server to decide: leave it out, "
                + "or run the model here with another --database and without --server."
        case .noServer(let path):
            "No server has the database \(path) open: start docent serve, give --server, or use docent caption."
        case .serverUnreachable(let url, let reason):
            "The server at \(url) does not answer (\(reason)): is it running, and is this its address?"
        case .serverLost(let url, let patience, let reason):
            "The server at \(url) was asked for \(patience.components.seconds) s in vain (\(reason)); captions that it "
                + "gave are kept: give the same command again to go on."
        case .serverAnswer(let url, let status, _, let message):
            "The server at \(url) refused with status \(status): \(message)"
        case .outputLost(let reason):
            "Standard output takes nothing more: \(reason)."
        case .noImageLibrary:
            "libvips, which opens pictures, cannot be loaded: run .ci/setup, or install it (libvips42 in Debian)."
        case .noCUDA(let device, let reason):
            "--device cuda:\(device) cannot be used: \(reason). `docent doctor` tells what was looked for; "
                + "--device cpu needs nothing of it."
        case .serverHasDatabase(let path, let url):
            "The database \(path) belongs to the server at \(url): give the file to its POST /v1/files and /v1/batches, "
                + "stop it, or give another --database."
        case .invalidBatch(let path, let faults):
            "\(path) is not a file of requests that can run; nothing of it was:\n" + faults.joined(separator: "\n")
        case .unreadableAnswer(let url, let reason):
            "The answer of \(url) cannot be read (\(reason)): is this a docent server of the same version?"
        case .unreadableKeys(let path, let reason):
            "The file of keys \(path) cannot be used: \(reason)."
        }
    }
}
