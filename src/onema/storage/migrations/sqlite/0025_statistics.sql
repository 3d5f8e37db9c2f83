-- works with code from: 10
--
-- What became of messages, counted for each hour and each day; and by which template a text was sent.

CREATE TABLE statistics (
    account INTEGER NOT NULL,
    span INTEGER NOT NULL,
    start INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    counted_at INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    figures TEXT NOT NULL,
    PRIMARY KEY (account, span, start)
) WITHOUT ROWID;

CREATE INDEX statistics_by_expiry ON statistics (expires_at);

ALTER TABLE messages ADD COLUMN template TEXT NOT NULL DEFAULT '';
