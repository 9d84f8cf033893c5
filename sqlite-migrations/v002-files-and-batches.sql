-- Files that clients uploaded or batches made, and batches: files of requests, each worked off as a job of the queue.
-- Times are milliseconds since 1970, bound by the program. The CHECKs make illegal states unwritable.

CREATE TABLE file (
    -- Ids sort by time of creation, so a page's last id is where the next page begins.
    id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'file-*' AND length(id) = 31),
    purpose    TEXT NOT NULL CHECK (purpose <> ''),
    filename   TEXT NOT NULL CHECK (filename <> ''),
    -- Files of the same bytes share one blob.
    blob_id    TEXT NOT NULL REFERENCES blob (id),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    created_at INTEGER NOT NULL,
    expires_at INTEGER CHECK (expires_at > created_at)
) STRICT;

CREATE INDEX file_by_blob ON file (blob_id);
CREATE INDEX file_expiring ON file (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE batch (
    id                TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'batch_*' AND length(id) = 32),
    -- What a command finds its own batch by when it is given again.
    resume_key        TEXT UNIQUE CHECK (resume_key <> ''),
    endpoint          TEXT NOT NULL CHECK (endpoint <> ''),
    completion_window TEXT NOT NULL CHECK (completion_window <> ''),
    -- The id stays when the file is deleted; its bytes stay as long as the batch may read them.
    input_file_id     TEXT NOT NULL,
    input_blob        TEXT REFERENCES blob (id),
    metadata          TEXT,
    -- How long its output files live, in milliseconds; for ever without.
    output_lifetime   INTEGER CHECK (output_lifetime > 0),
    status            TEXT NOT NULL
                      CHECK (status IN ('validating', 'in_progress', 'finalizing', 'cancelling', 'completed', 'failed',
                                        'expired', 'cancelled')),
    -- The name of the model that answers, and the job with a request for each line: known once all lines are valid.
    model             TEXT CHECK (model <> ''),
    job_id            TEXT REFERENCES job (id) ON DELETE SET NULL,
    total             INTEGER NOT NULL DEFAULT 0 CHECK (total >= 0),
    -- Why it failed: JSON.
    errors            TEXT,
    -- Written when the batch ends; before that the job's counters tell.
    succeeded         INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed            INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    input_tokens      INTEGER NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    cached_tokens     INTEGER NOT NULL DEFAULT 0 CHECK (cached_tokens BETWEEN 0 AND input_tokens),
    output_tokens     INTEGER NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    output_file_id    TEXT,
    error_file_id     TEXT,
    created_at        INTEGER NOT NULL,
    -- When its window closes; never without.
    expires_at        INTEGER CHECK (expires_at > created_at),
    in_progress_at    INTEGER,
    -- When it was seen that the window has closed on it.
    overdue_at        INTEGER,
    finalizing_at     INTEGER,
    completed_at      INTEGER,
    failed_at         INTEGER,
    expired_at        INTEGER,
    cancelling_at     INTEGER,
    cancelled_at      INTEGER,
    CHECK ((input_blob IS NULL) = (status IN ('completed', 'failed', 'expired', 'cancelled'))),
    CHECK ((in_progress_at IS NULL) = (model IS NULL)),
    CHECK (status NOT IN ('validating', 'failed') OR (in_progress_at IS NULL AND job_id IS NULL AND total = 0)),
    CHECK (status NOT IN ('in_progress', 'finalizing') OR (in_progress_at IS NOT NULL AND job_id IS NOT NULL)),
    CHECK (status <> 'completed' OR in_progress_at IS NOT NULL),
    CHECK (status NOT IN ('finalizing', 'completed') OR (finalizing_at IS NOT NULL AND overdue_at IS NULL)),
    CHECK (status <> 'expired' OR overdue_at IS NOT NULL),
    CHECK ((completed_at IS NOT NULL) = (status = 'completed')),
    CHECK ((failed_at IS NOT NULL) = (status = 'failed')),
    CHECK ((expired_at IS NOT NULL) = (status = 'expired')),
    CHECK ((cancelled_at IS NOT NULL) = (status = 'cancelled')),
    CHECK ((cancelling_at IS NOT NULL) = (status IN ('cancelling', 'cancelled'))),
    CHECK ((errors IS NOT NULL) = (status = 'failed')),
    CHECK (succeeded + failed <= total),
    CHECK ((output_file_id IS NULL AND error_file_id IS NULL) OR status IN ('completed', 'expired', 'cancelled'))
) STRICT;

-- Also those that are not finished yet: exactly they have an input to read.
CREATE INDEX batch_by_blob ON batch (input_blob) WHERE input_blob IS NOT NULL;
CREATE INDEX batch_by_job ON batch (job_id) WHERE job_id IS NOT NULL;
