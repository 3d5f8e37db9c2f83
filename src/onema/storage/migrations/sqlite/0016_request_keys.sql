-- works with code from: 10
--
-- What became of requests that their clients named, so that the same request is not served twice.

CREATE TABLE request_keys (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    message INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

CREATE INDEX request_keys_by_expiry ON request_keys (expires_at);
