-- works with code from: 10
--
-- Callback addresses that answered that they are gone: they are told of no events.

CREATE TABLE gone_addresses (
    account INTEGER NOT NULL,
    digest TEXT NOT NULL,
    host TEXT NOT NULL,
    gone_at INTEGER NOT NULL,
    PRIMARY KEY (account, digest)
) WITHOUT ROWID;
