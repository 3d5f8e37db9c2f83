-- works with code from: 10
--
-- What people and programs changed by hand.

CREATE TABLE audit (
    id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    account TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    how TEXT NOT NULL,
    role TEXT NOT NULL,
    address TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    PRIMARY KEY (id, part)
) WITHOUT ROWID;

CREATE INDEX audit_of_account ON audit (account, id, part);
