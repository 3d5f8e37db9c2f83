-- works with code from: 1
--
-- Why each account's requests were refused lately.

CREATE TABLE recent_refusals (
    account bigint NOT NULL PRIMARY KEY,
    total bigint NOT NULL,
    entries text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX recent_refusals_by_expiry ON recent_refusals (expires_at);
