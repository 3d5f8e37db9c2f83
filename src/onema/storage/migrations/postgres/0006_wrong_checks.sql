-- works with code from: 1
--
-- Wrong checks of a phone stand beside its code, so that a check touches one row. Those that windows have count on for at
-- most a day and are swept; nothing reads them any more.

ALTER TABLE live_verifications ADD COLUMN wrong_checks text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE live_verifications ADD COLUMN kept_until bigint NOT NULL DEFAULT 0;

DROP INDEX live_verifications_by_expiry;
CREATE INDEX live_verifications_by_expiry ON live_verifications (greatest(expires_at, kept_until));
