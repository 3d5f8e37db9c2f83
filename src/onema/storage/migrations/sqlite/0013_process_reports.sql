-- works with code from: 10
--
-- What each process says of the carriers that it runs.

CREATE TABLE process_reports (
    process TEXT NOT NULL PRIMARY KEY,
    reported_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    carriers TEXT NOT NULL
) WITHOUT ROWID;
