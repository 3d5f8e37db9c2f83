-- works with code from: 1
--
-- Which server key the data was made with, so that another is refused before it seals anything.

CREATE TABLE key_fingerprints (
    name TEXT NOT NULL PRIMARY KEY,
    fingerprint INTEGER NOT NULL
) WITHOUT ROWID;
