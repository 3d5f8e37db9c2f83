-- works with code from: 10
--
-- Which server keys each process holds and uses, so that an operator sees when all have one.

CREATE TABLE node_keys (
    process TEXT NOT NULL,
    reported_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    in_use INTEGER NOT NULL,
    held TEXT NOT NULL,
    progress TEXT NOT NULL,
    PRIMARY KEY (process)
) WITHOUT ROWID;

CREATE INDEX node_keys_by_expiry ON node_keys (expires_at);
