-- works with code from: 10
--
-- Links that make users of the console, each once. Of a link only its hash is kept.

CREATE TABLE invitations (
    digest text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    invited_by text COLLATE "C" NOT NULL,
    made_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX invitations_by_expiry ON invitations (expires_at);
