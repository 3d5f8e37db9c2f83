-- works with code from: 1
--
-- Carriers with a total: who holds their seats, and jobs that wait for a process that does.

CREATE TABLE carrier_seats (
    carrier TEXT NOT NULL PRIMARY KEY,
    holders TEXT NOT NULL
) WITHOUT ROWID;

ALTER TABLE jobs ADD COLUMN carrier TEXT NOT NULL DEFAULT '';
