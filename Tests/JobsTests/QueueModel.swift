import Jobs

/// The queue as its documentation tells it, in memory and without any cleverness: what the store is compared with.
struct QueueModel {
    struct Request: Equatable {
        var state = RequestState.waiting
        var attempts = 0
        var crashes = 0
        var epoch: Int64 = 0
        var worker: WorkerID?
        var isCancelRequested = false
        var runAt: Timestamp
        var leaseEnd: Timestamp?
        var result: String?
    }

    struct Job: Equatable {
        var state = JobState.queued
        var isSealed = true
        var hasStarted = false
        let priority: JobPriority
        let isSynchronous: Bool
        var requests: [RequestID: Request] = [:]
    }

    static let maxAttempts = 3
    static let maxCrashes = 2
    static let lease = Duration.seconds(60)
    static let suspectPatience = Duration.seconds(5)
    var now: Timestamp
    var jobs: [JobID: Job] = [:]
    /// Since when a bulk request that must run alone is overtaken.
    var overtakenSince: Timestamp?

    private mutating func change(_ id: RequestID, of job: JobID, _ body: (inout Request) -> Void) {
        guard var request = jobs[job]?.requests[id] else { return }
        body(&request)
        if request.state != .running {
            (request.worker, request.leaseEnd, request.isCancelRequested) = (nil, nil, false)
        }
        jobs[job]?.requests[id] = request
        settle(job)
    }

    private mutating func settle(_ id: JobID) {
        guard var job = jobs[id] else { return }
        let states = job.requests.values.map(\.state)
        job.hasStarted = job.hasStarted || states.contains(.running)
        if job.state != .cancelled {
            if job.isSealed && states.allSatisfy(\.isFinal) {
                let hasFailed = !states.isEmpty && states.allSatisfy { $0 == .failed || $0 == .expired }
                let isCancelled = !states.isEmpty && states.allSatisfy { $0 == .cancelled }
                job.state = isCancelled ? .cancelled : hasFailed ? .failed : .completed
            } else if job.state != .paused {
                job.state = job.hasStarted ? .running : .queued
            }
        }
        jobs[id] = job
    }

    mutating func submit(_ id: JobID, _ job: Job) {
        jobs[id] = job
        settle(id)
    }

    // MARK: Work

    mutating func claimable(_ limit: Int) -> [RequestID] {
        func isSuspect(_ crashes: Int) -> Bool { crashes >= Self.maxCrashes - 1 }
        let running = jobs.values.flatMap { $0.requests.values.filter { $0.state == .running } }
        guard !running.contains(where: { isSuspect($0.crashes) }) else { return [] }
        let due = jobs.values.filter { $0.state != .paused }.flatMap { job in
            job.requests.filter { $0.value.state == .waiting && $0.value.runAt <= now }
                .map { (priority: job.priority.rawValue, runAt: $0.value.runAt, id: $0.key, crashes: $0.value.crashes) }
        }.sorted { ($0.priority, $0.runAt, $0.id.rawValue) < ($1.priority, $1.runAt, $1.id.rawValue) }
        let bulk = JobPriority.bulk.rawValue
        if let since = overtakenSince, since + Self.suspectPatience <= now {
            let first = due.first { $0.priority == bulk }
            if let first, isSuspect(first.crashes), !running.isEmpty { return [] }
            overtakenSince = nil
            if let first, isSuspect(first.crashes) { return [first.id] }
        }
        let given = due.prefix(limit).prefix { !isSuspect($0.crashes) }
        // The one that ended the prefix, if it was not the limit that did.
        guard given.count < min(limit, due.count) else { return given.map(\.id) }
        let suspect = due[given.count]
        let isAlone = given.isEmpty && running.isEmpty
        if suspect.priority == bulk { overtakenSince = isAlone ? nil : overtakenSince ?? now }
        return isAlone ? [suspect.id] : given.map(\.id)
    }

    mutating func claim(_ id: RequestID, of job: JobID, by worker: WorkerID) {
        let (now, end) = (now, now + Self.lease)
        change(id, of: job) { request in
            (request.state, request.worker, request.leaseEnd) = (.running, worker, end)
            request.attempts += 1
            request.epoch += 1
            request.runAt = min(request.runAt, now)
        }
    }

    func holds(_ claim: Claim) -> Bool {
        let request = jobs[claim.jobID]?.requests[claim.requestID]
        return request?.state == .running && request?.worker == claim.worker && request?.epoch == claim.epoch
    }

    func isCancelled(_ claim: Claim) -> Bool {
        jobs[claim.jobID]?.requests[claim.requestID]?.isCancelRequested ?? false
    }

    /// The end of a held claim: `deed` unless somebody cancelled it.
    mutating func end(_ claim: Claim, _ deed: (inout Request) -> Void) {
        change(claim.requestID, of: claim.jobID) { request in
            if request.isCancelRequested { request.state = .cancelled } else { deed(&request) }
        }
    }

    mutating func renew(_ claim: Claim) {
        let end = now + Self.lease
        change(claim.requestID, of: claim.jobID) { $0.leaseEnd = end }
    }

    // MARK: Crashes

    mutating func rescue(where isOrphan: (Request) -> Bool, ownerDied: Bool) {
        for (id, job) in jobs {
            for (requestID, request) in job.requests where request.state == .running && isOrphan(request) {
                change(requestID, of: id) { request in
                    if request.isCancelRequested {
                        request.state = .cancelled
                    } else if ownerDied && job.isSynchronous {
                        request.state = .expired
                    } else {
                        request.crashes += 1
                        request.state = request.crashes >= Self.maxCrashes ? .failed : .waiting
                        if request.state == .waiting { request.attempts -= 1 }
                    }
                }
            }
            guard ownerDied && job.isSynchronous else { continue }
            for (requestID, request) in job.requests where request.state == .waiting {
                change(requestID, of: id) { $0.state = .expired }
            }
        }
    }

    // MARK: People

    mutating func cancel(_ id: JobID) {
        guard let job = jobs[id], !job.state.isFinal else { return }
        for request in job.requests.keys { cancel(request, of: id) }
        jobs[id]?.state = .cancelled
        jobs[id]?.isSealed = true
    }

    mutating func cancel(_ request: RequestID, of job: JobID) {
        change(request, of: job) { request in
            if request.state == .waiting { request.state = .cancelled }
            if request.state == .running { request.isCancelRequested = true }
        }
    }

    mutating func pause(_ id: JobID) {
        guard let job = jobs[id], !job.state.isFinal else { return }
        jobs[id]?.state = .paused
    }

    mutating func resume(_ id: JobID) {
        guard jobs[id]?.state == .paused else { return }
        jobs[id]?.state = .running
        settle(id)
    }

    mutating func retry(_ id: JobID) {
        guard let job = jobs[id] else { return }
        let again = job.requests.filter { _, request in
            [.failed, .expired, .cancelled].contains(request.state) || request.isCancelRequested
        }
        guard !again.isEmpty else { return }
        if job.state != .paused { jobs[id]?.state = .running }
        let now = now
        for request in again.keys {
            change(request, of: id) { request in
                request = Request(epoch: request.epoch, runAt: now)
            }
        }
    }

    /// Forgets finished jobs.
    /// - Returns: how many.
    mutating func prune() -> Int {
        let kept = jobs.filter { _, job in
            !job.state.isFinal || job.requests.values.contains { $0.state == .running }
        }
        defer { jobs = kept }
        return jobs.count - kept.count
    }
}
