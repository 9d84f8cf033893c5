-- Jobs, their requests, the blobs that requests refer to, and the workers that hold requests.
-- Times are milliseconds since 1970, bound by the program. The CHECKs make illegal states unwritable.

CREATE TABLE migration (
    version    INTEGER PRIMARY KEY CHECK (version > 0),
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE job (
    id                TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'job_*' AND length(id) = 30),
    kind              TEXT NOT NULL CHECK (kind <> ''),
    label             TEXT NOT NULL,
    -- Which model has to answer, opaque here: other weights are another model.
    model             TEXT NOT NULL CHECK (model <> ''),
    priority          INTEGER NOT NULL CHECK (priority IN (0, 10)),
    deduplication_key TEXT CHECK (deduplication_key <> ''),
    is_synchronous    INTEGER NOT NULL CHECK (is_synchronous IN (0, 1)),
    is_sealed         INTEGER NOT NULL CHECK (is_sealed IN (0, 1)),
    state             TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    -- Counters move in the transaction that moves the requests, so that no poll ever counts rows.
    waiting           INTEGER NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    running           INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    succeeded         INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed            INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    cancelled         INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    expired           INTEGER NOT NULL DEFAULT 0 CHECK (expired >= 0),
    created_at        INTEGER NOT NULL,
    started_at        INTEGER,
    finished_at       INTEGER,
    specification     TEXT NOT NULL,
    -- A cancelled job is finished when the last of its running requests has let go.
    CHECK ((finished_at IS NOT NULL) = (state IN ('completed', 'failed', 'cancelled') AND running = 0)),
    CHECK (state NOT IN ('completed', 'failed') OR (is_sealed AND waiting = 0 AND running = 0)),
    CHECK (state <> 'cancelled' OR (is_sealed AND waiting = 0)),
    CHECK (state <> 'failed' OR (succeeded = 0 AND cancelled = 0 AND failed + expired > 0))
) STRICT;

CREATE UNIQUE INDEX job_deduplication ON job (deduplication_key) WHERE deduplication_key IS NOT NULL;
CREATE INDEX job_unfinished ON job (is_synchronous, priority) WHERE finished_at IS NULL;
CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE worker (
    id           TEXT PRIMARY KEY NOT NULL CHECK (id <> ''),
    last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: an id freed by pruning is never used again, so a late worker cannot complete a stranger.
CREATE TABLE request (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id            TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    key               TEXT NOT NULL,
    -- The job's, where claims can search for it.
    model             TEXT NOT NULL CHECK (model <> ''),
    priority          INTEGER NOT NULL CHECK (priority IN (0, 10)),
    state             TEXT NOT NULL
                      CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled', 'expired')),
    is_held           INTEGER NOT NULL DEFAULT 0 CHECK (is_held IN (0, 1)),
    run_at            INTEGER NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts      INTEGER NOT NULL CHECK (max_attempts >= 1),
    crashes           INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    epoch             INTEGER NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    worker            TEXT REFERENCES worker (id),
    lease_expires_at  INTEGER,
    cancel_requested  INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    failure_code      TEXT CHECK (failure_code <> ''),
    failure_message   TEXT,
    failure_retryable INTEGER CHECK (failure_retryable IN (0, 1)),
    created_at        INTEGER NOT NULL,
    started_at        INTEGER,
    finished_at       INTEGER,
    payload           TEXT NOT NULL,
    result            TEXT,
    UNIQUE (job_id, key),
    CHECK (attempts <= max_attempts),
    CHECK ((worker IS NOT NULL) = (state = 'running')),
    CHECK ((lease_expires_at IS NOT NULL) = (state = 'running')),
    CHECK (state <> 'running' OR (started_at IS NOT NULL AND epoch > 0)),
    CHECK (NOT cancel_requested OR state = 'running'),
    CHECK (NOT is_held OR state = 'waiting'),
    CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled', 'expired'))),
    CHECK ((result IS NOT NULL) = (state = 'succeeded')),
    -- A waiting or running request may remember why its last attempt failed.
    CHECK (state <> 'succeeded' OR failure_code IS NULL),
    CHECK (state NOT IN ('failed', 'expired') OR failure_code IS NOT NULL),
    CHECK ((failure_message IS NULL) = (failure_code IS NULL)),
    CHECK ((failure_retryable IS NULL) = (failure_code IS NULL))
) STRICT;

-- What is ready for a model's worker, and for a worker that works for one job only. Held requests (of paused jobs) are
-- not in these indexes: a claim never walks over them.
CREATE INDEX request_ready_for_model ON request (model, priority, run_at, id) WHERE state = 'waiting' AND is_held = 0;
CREATE INDEX request_ready_in_job ON request (job_id, priority, run_at, id) WHERE state = 'waiting' AND is_held = 0;
CREATE INDEX request_running ON request (worker) WHERE state = 'running';
CREATE INDEX request_by_state ON request (job_id, state, id);

-- The bytes lie in files named by their sha256 beside the database, never in it.
CREATE TABLE blob (
    id           TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 64 AND id NOT GLOB '*[^0-9a-f]*'),
    size         INTEGER NOT NULL CHECK (size >= 0),
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE request_blob (
    request_id INTEGER NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    blob_id    TEXT NOT NULL REFERENCES blob (id),
    PRIMARY KEY (request_id, blob_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_blob_by_blob ON request_blob (blob_id);
