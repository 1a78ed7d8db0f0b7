-- 3: people who sign in, and who changed what.

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    login         TEXT NOT NULL,
    folded        TEXT NOT NULL,    -- the login as it is compared
    name          TEXT NOT NULL,
    password      TEXT,             -- a hash (PHC); null: no password yet
    administrator INTEGER NOT NULL,
    active        INTEGER NOT NULL,
    created_at    TEXT NOT NULL,
    last_sign_in  TEXT,
    version       INTEGER NOT NULL
) STRICT;
-- sign-in; also holds logins unique
CREATE UNIQUE INDEX accounts_by_login ON accounts (folded);

-- Which member of a project an account is.
CREATE TABLE memberships (
    account INTEGER NOT NULL,
    project INTEGER NOT NULL,
    member  INTEGER NOT NULL,
    PRIMARY KEY (account, project)
) STRICT, WITHOUT ROWID;
-- who a member is; also: no member is two accounts'
CREATE UNIQUE INDEX memberships_by_member ON memberships (project, member);

CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    account    INTEGER NOT NULL,
    hash       BLOB NOT NULL,     -- SHA-256 of the secret in the cookie
    created_ms INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL
) STRICT;
-- each request of the console
CREATE UNIQUE INDEX sessions_by_hash ON sessions (hash);
-- sessions of an account
CREATE INDEX sessions_by_account ON sessions (account, id);

-- Links that work once.
CREATE TABLE one_time_links (
    hash       BLOB PRIMARY KEY,  -- SHA-256 of the secret in the link
    purpose    INTEGER NOT NULL,  -- 0: makes the first administrator, 1: gives a password, 2: signs in
    account    INTEGER,           -- null: none yet
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who changed what of webhooks, members, tokens, accounts, settings and projects. Never a secret.
CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms     INTEGER NOT NULL,
    project   INTEGER,            -- null: of the server
    webhook   INTEGER,            -- null: of no webhook
    operation TEXT NOT NULL,
    body      TEXT NOT NULL       -- who, from where, what, old and new
) STRICT;
-- the audit log of a project
CREATE INDEX audit_by_project ON audit (project, id) WHERE project IS NOT NULL;
-- the audit log of a webhook
CREATE INDEX audit_by_webhook ON audit (webhook, id) WHERE webhook IS NOT NULL;
