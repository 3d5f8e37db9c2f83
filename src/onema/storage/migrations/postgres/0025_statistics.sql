-- works with code from: 10
--
-- What became of messages, counted for each hour and each day; and by which template a text was sent.

CREATE TABLE statistics (
    account bigint NOT NULL,
    span bigint NOT NULL,
    start bigint NOT NULL,
    claimed_at bigint NOT NULL,
    counted_at bigint NOT NULL,
    settled boolean NOT NULL,
    expires_at bigint NOT NULL,
    figures text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, span, start)
);

CREATE INDEX statistics_by_expiry ON statistics (expires_at);

ALTER TABLE messages ADD COLUMN template text COLLATE "C" NOT NULL DEFAULT '';
