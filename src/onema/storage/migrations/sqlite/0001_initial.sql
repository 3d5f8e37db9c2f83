-- works with code from: 1
--
-- The first schema. Hot tables are clustered by (account, time-ordered id), so that they grow at their end and
-- need no second index; what is looked up by phone lives in small tables that are emptied as their rows expire.

CREATE TABLE directory (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TABLE directory_revision (
    name TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE wallets (
    account INTEGER NOT NULL PRIMARY KEY,
    balance INTEGER NOT NULL
);

CREATE TABLE ledger (
    account INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    at INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (account, subject, kind)
) WITHOUT ROWID;

CREATE TABLE top_ups (
    account INTEGER NOT NULL,
    reference TEXT NOT NULL,
    entry INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (account, reference)
) WITHOUT ROWID;

CREATE TABLE windows (
    account INTEGER NOT NULL,
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    counters TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, scope, subject)
) WITHOUT ROWID;
CREATE INDEX windows_by_expiry ON windows (expires_at);

CREATE TABLE live_verifications (
    account INTEGER NOT NULL,
    phone TEXT NOT NULL,
    purpose TEXT NOT NULL,
    verification INTEGER NOT NULL,
    code_hash BLOB NOT NULL,
    attempts_left INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, phone, purpose)
) WITHOUT ROWID;
CREATE INDEX live_verifications_by_expiry ON live_verifications (expires_at);

CREATE TABLE messages (
    account INTEGER NOT NULL,
    id INTEGER NOT NULL,
    dialect TEXT NOT NULL,
    channel TEXT NOT NULL,
    phone TEXT NOT NULL,
    sender TEXT NOT NULL,
    application TEXT NOT NULL,
    reference TEXT NOT NULL,
    client_ip TEXT NOT NULL,
    verification INTEGER NOT NULL,
    code_expires_at INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    period INTEGER NOT NULL,
    unit_price INTEGER NOT NULL,
    price INTEGER NOT NULL,
    held INTEGER NOT NULL,
    charged INTEGER NOT NULL,
    talked_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) WITHOUT ROWID;

CREATE TABLE attempts (
    account INTEGER NOT NULL,
    message INTEGER NOT NULL,
    number INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    caller TEXT NOT NULL,
    state TEXT NOT NULL,
    carrier_reference TEXT NOT NULL,
    detail TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (account, message, number)
) WITHOUT ROWID;

CREATE TABLE events (
    account INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (account, subject, id)
) WITHOUT ROWID;

CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    account INTEGER NOT NULL,
    message INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    in_flight INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX jobs_by_due ON jobs (due_at);

CREATE TABLE carrier_references (
    carrier TEXT NOT NULL,
    reference TEXT NOT NULL,
    account INTEGER NOT NULL,
    message INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (carrier, reference)
) WITHOUT ROWID;
CREATE INDEX carrier_references_by_expiry ON carrier_references (expires_at);

-- The simulated phone's inbox is bounded, so its index stays in cache.
CREATE TABLE inbox (
    id INTEGER NOT NULL PRIMARY KEY,
    phone TEXT NOT NULL,
    channel TEXT NOT NULL,
    sender TEXT NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX inbox_by_phone ON inbox (phone);

CREATE TABLE recordings (
    voice TEXT NOT NULL,
    sentence TEXT NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    PRIMARY KEY (voice, sentence)
) WITHOUT ROWID;
