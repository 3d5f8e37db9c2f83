-- works with code from: 1
--
-- Which server key the data was made with, so that another is refused before it seals anything.

CREATE TABLE key_fingerprints (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    fingerprint bigint NOT NULL
);
