-- works with code from: 10
--
-- What each process says of the carriers that it runs.

CREATE TABLE process_reports (
    process text COLLATE "C" NOT NULL PRIMARY KEY,
    reported_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    carriers text COLLATE "C" NOT NULL
);
