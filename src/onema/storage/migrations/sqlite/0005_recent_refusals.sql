-- works with code from: 1
--
-- Why each account's requests were refused lately.

CREATE TABLE recent_refusals (
    account INTEGER NOT NULL PRIMARY KEY,
    total INTEGER NOT NULL,
    entries TEXT NOT NULL,
    expires_at INTEGER NOT NULL
);

CREATE INDEX recent_refusals_by_expiry ON recent_refusals (expires_at);
