-- works with code from: 1
--
-- Carriers with a total: who holds their seats, and jobs that wait for a process that does. And which code may work on
-- a schema that is newer than it knows (a new database has that column from its beginning).

CREATE TABLE carrier_seats (
    carrier text COLLATE "C" NOT NULL PRIMARY KEY,
    holders text COLLATE "C" NOT NULL
);

ALTER TABLE jobs ADD COLUMN carrier text COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS works_from bigint NOT NULL DEFAULT 1;
