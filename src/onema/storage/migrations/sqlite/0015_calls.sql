-- works with code from: 10
--
-- One call of each attempt that places one: how far it is, and in the end what is known of it.

CREATE TABLE calls (
    account INTEGER NOT NULL,
    message INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ringing_at INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    ring_ms INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    ending TEXT NOT NULL,
    keys TEXT NOT NULL,
    status INTEGER NOT NULL,
    codec TEXT NOT NULL,
    packets_sent INTEGER NOT NULL,
    packets_received INTEGER NOT NULL,
    packets_lost INTEGER NOT NULL,
    jitter_us INTEGER NOT NULL,
    trace BLOB NOT NULL,
    PRIMARY KEY (account, message, attempt)
) WITHOUT ROWID;
