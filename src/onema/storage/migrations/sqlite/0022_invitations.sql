-- works with code from: 10
--
-- Links that make users of the console, each once. Of a link only its hash is kept.

CREATE TABLE invitations (
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    account TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (digest)
) WITHOUT ROWID;

CREATE INDEX invitations_by_expiry ON invitations (expires_at);
