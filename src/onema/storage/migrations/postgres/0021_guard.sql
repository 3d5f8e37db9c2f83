-- works with code from: 10
--
-- What the guard counts of each subject of an account, and where a code was asked from.

CREATE TABLE guard_subjects (
    account bigint NOT NULL,
    subject text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (account, subject)
) WITH (fillfactor = 70);

CREATE INDEX guard_subjects_by_expiry ON guard_subjects (expires_at);

ALTER TABLE guard_subjects SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0
);

ALTER TABLE live_verifications ADD COLUMN origin text COLLATE "C" NOT NULL DEFAULT '';
