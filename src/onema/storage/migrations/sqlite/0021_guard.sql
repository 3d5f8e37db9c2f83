-- works with code from: 10
--
-- What the guard counts of each subject of an account, and where a code was asked from.

CREATE TABLE guard_subjects (
    account INTEGER NOT NULL,
    subject TEXT NOT NULL,
    state BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, subject)
) WITHOUT ROWID;

CREATE INDEX guard_subjects_by_expiry ON guard_subjects (expires_at);

ALTER TABLE live_verifications ADD COLUMN origin TEXT NOT NULL DEFAULT '';
