-- 1: the first schema. Collections and states are stored as small numbers (see codes.rs); `until` and `since` are event ids, and
-- a state holds from its `since` up to, and without, its `until`.

-- What must survive a restart although no row may be left that tells it.
CREATE TABLE server (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    event      INTEGER NOT NULL, -- last event id
    delivery   INTEGER NOT NULL, -- last delivery id
    webhook    INTEGER NOT NULL, -- last webhook id
    token      INTEGER NOT NULL, -- last token id
    time_ms    INTEGER NOT NULL, -- latest stored server time
    log_rows   INTEGER NOT NULL, -- deliveries in the log
    log_bytes  INTEGER NOT NULL  -- bodies and attempts in the log
) STRICT;
INSERT INTO server VALUES (1, 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE documents (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    id       INTEGER PRIMARY KEY,
    key      TEXT NOT NULL COLLATE NOCASE,
    version  INTEGER NOT NULL,   -- event of the last change
    hooks    INTEGER NOT NULL,   -- counts changes of the set of webhooks
    deleted  INTEGER NOT NULL,   -- 1: still being emptied, 2: empty; the id is never used again
    body     TEXT NOT NULL
) STRICT;
-- project by key; also holds keys unique
CREATE UNIQUE INDEX projects_by_key ON projects (key) WHERE deleted = 0;
-- prune: projects that are still to be emptied
CREATE INDEX projects_being_emptied ON projects (id) WHERE deleted = 1;

-- Projects as they were.
CREATE TABLE old_projects (
    project INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (project, until)
) STRICT;
-- prune: states no retained event needs
CREATE INDEX old_projects_by_age ON old_projects (until);

-- What holds now. Narrow rows, so that a change of any object touches few pages however large the objects are.
CREATE TABLE objects (
    project     INTEGER NOT NULL,
    collection  INTEGER NOT NULL,
    id          INTEGER NOT NULL,
    version     INTEGER NOT NULL, -- event of the last change
    deleted     INTEGER NOT NULL,
    external_id TEXT,             -- null when deleted, as number and rank
    number      INTEGER,          -- of items only
    rank        INTEGER,
    state       INTEGER NOT NULL, -- its row in states
    trail       INTEGER,          -- the last message about it, or rooted in it: its row in trails
    PRIMARY KEY (project, collection, id)
) STRICT, WITHOUT ROWID;
-- by_external_id; also holds external ids unique
CREATE UNIQUE INDEX objects_by_external_id ON objects (project, collection, external_id) WHERE external_id IS NOT NULL;
-- by_number, next_number; also holds numbers unique
CREATE UNIQUE INDEX objects_by_number ON objects (project, number) WHERE number IS NOT NULL;
-- max_rank
CREATE INDEX objects_by_rank ON objects (project, collection, rank) WHERE rank IS NOT NULL;

-- Objects as they are and were: written once, one after the other, each with a pointer to the one it replaced.
CREATE TABLE states (
    id         INTEGER PRIMARY KEY,
    project    INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    object     INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    before     INTEGER,          -- null: none; points nowhere once retention removed it
    deleted    INTEGER NOT NULL,
    body       BLOB NOT NULL     -- of a deleted object the last one
) STRICT;
-- an object as an event left it, found without following the pointers; prune: states no retained event needs
CREATE INDEX states_by_since ON states (since);

-- Which object refers to which.
CREATE TABLE links (
    project         INTEGER NOT NULL,
    to_collection   INTEGER NOT NULL,
    to_id           INTEGER NOT NULL,
    from_collection INTEGER NOT NULL,
    member          TEXT NOT NULL,
    from_id         INTEGER NOT NULL,
    since           INTEGER NOT NULL,
    until           INTEGER NOT NULL, -- 2^63-1 while it holds
    PRIMARY KEY (project, to_collection, to_id, from_collection, member, from_id, since)
) STRICT, WITHOUT ROWID;
-- prune: links no retained event needs
CREATE INDEX links_by_age ON links (until) WHERE until < 9223372036854775807;

-- count_with: how many objects have which entry of a vocabulary.
CREATE TABLE tallies (
    project    INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    member     TEXT NOT NULL,
    value      TEXT NOT NULL,
    number     INTEGER NOT NULL,
    PRIMARY KEY (project, collection, member, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id          INTEGER PRIMARY KEY,
    project     INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    listed      INTEGER NOT NULL,
    body        TEXT NOT NULL
) STRICT;
-- activities; emptying a project
CREATE INDEX events_by_project ON events (project, id);

-- Answers to requests and to entries of batches that came with a key, kept for a day.
CREATE TABLE memos (
    scope   TEXT NOT NULL,
    key     TEXT NOT NULL,
    answer  TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
-- prune: answers older than a day
CREATE INDEX memos_by_age ON memos (made_ms);

CREATE TABLE webhooks (
    id       INTEGER PRIMARY KEY,
    project  INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    deleted  INTEGER NOT NULL, -- 1: what waits is still to be skipped, 2: done; the id is never used again
    body     TEXT NOT NULL,    -- without what is sealed
    sealed   TEXT              -- secrets and header values, each encrypted; null: none
) STRICT;
-- webhooks of a project
CREATE INDEX webhooks_by_project ON webhooks (project, id);
-- prune: webhooks whose queue is still to be skipped
CREATE INDEX webhooks_being_emptied ON webhooks (id) WHERE deleted = 1;

-- a start: are there secrets; sealing them anew
CREATE INDEX webhooks_with_secrets ON webhooks (id) WHERE sealed IS NOT NULL;

-- Apart from the webhooks: it changes with every other attempt.
CREATE TABLE healths (
    webhook INTEGER PRIMARY KEY,
    paused  INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT;

-- What is sent. The id is that of its first delivery, so that both ascend together.
CREATE TABLE messages (
    id       INTEGER PRIMARY KEY,
    last     INTEGER NOT NULL, -- its last delivery; those between are all its own
    project  INTEGER NOT NULL,
    event    INTEGER,          -- null: a test
    dialect  TEXT NOT NULL,
    code     TEXT NOT NULL,
    object   TEXT NOT NULL,
    sequence INTEGER,
    roots    TEXT NOT NULL,    -- separated by spaces
    title    TEXT NOT NULL,
    body     BLOB NOT NULL
) STRICT;
-- the log by event; recover, which never sends an event twice
CREATE INDEX messages_by_event ON messages (event) WHERE event IS NOT NULL;
-- the log by code; emptying a project
CREATE INDEX messages_by_code ON messages (project, code);

-- the log by object and by root: each entry points to the one before it of the same object
CREATE TABLE trails (
    id      INTEGER PRIMARY KEY,
    before  INTEGER,             -- null: none; points nowhere once retention removed it
    message INTEGER NOT NULL
) STRICT;

-- the log by what is no object: `items`, `webhooks/7`, the object of a test datum
CREATE TABLE message_objects (
    project INTEGER NOT NULL,
    object  TEXT NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (project, object, message)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY,
    message      INTEGER NOT NULL,
    project      INTEGER NOT NULL,
    webhook      INTEGER,          -- null: the test of a webhook that was not saved
    state        INTEGER NOT NULL,
    waiting      INTEGER NOT NULL, -- 1: in the queue; pending, or delivered and to be sent once more
    made_by      INTEGER NOT NULL, -- the trigger that made it
    next_trigger INTEGER NOT NULL,
    triggers     INTEGER NOT NULL, -- bit set of the triggers of its tries
    tries        INTEGER NOT NULL,
    first_try_ms INTEGER,
    due_ms       INTEGER,
    wait_ms      INTEGER NOT NULL,
    late         INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    outcome      INTEGER,          -- of the last attempt, as the rest
    status       INTEGER,
    duration_ms  INTEGER,
    error        TEXT,
    detail       TEXT
) STRICT;
-- the log of a project
CREATE INDEX deliveries_by_project ON deliveries (project, id);
-- the log of a webhook
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, id);
-- the queue of a webhook
CREATE INDEX deliveries_waiting ON deliveries (webhook, id) WHERE waiting = 1;
-- parked, failed, skipped and expired deliveries: recover, and the log by state
CREATE INDEX deliveries_by_state ON deliveries (webhook, state, id) WHERE state > 1;
-- the log by status: only what failed is worth an index
CREATE INDEX deliveries_by_status ON deliveries (project, status, id) WHERE status >= 300;

-- the log by trigger: deliveries made by, or tried because of, another one than `event`. Nearly all have that one only.
CREATE TABLE delivery_triggers (
    project  INTEGER NOT NULL,
    reason   INTEGER NOT NULL, -- the trigger
    delivery INTEGER NOT NULL,
    PRIMARY KEY (project, reason, delivery)
) STRICT, WITHOUT ROWID;

-- the log by status: which answers of 2xx a webhook ever gave. Nearly always the same one, so that its own log is index enough.
CREATE TABLE webhook_answers (
    webhook INTEGER NOT NULL,
    status  INTEGER NOT NULL,
    PRIMARY KEY (webhook, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    delivery INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY,
    project    INTEGER,       -- null: the server's
    hash       BLOB NOT NULL, -- SHA-256 of the secret; the secret itself is nowhere
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    hint       TEXT NOT NULL,
    expires_at TEXT,
    created_at TEXT NOT NULL
) STRICT;
-- token_by_hash
CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);
-- tokens of a project
CREATE INDEX tokens_by_project ON tokens (project, id);
