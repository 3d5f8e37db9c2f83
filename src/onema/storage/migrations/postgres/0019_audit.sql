-- works with code from: 10
--
-- What people and programs changed by hand.

CREATE TABLE audit (
    id bigint NOT NULL,
    part bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    how text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    what text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    before bytea NOT NULL,
    after bytea NOT NULL,
    PRIMARY KEY (id, part)
);

CREATE INDEX audit_of_account ON audit (account, id, part);
