-- works with code from: 10
--
-- What messages are found by, written for closed parts of them, so that the hot table needs no second index.

CREATE TABLE search_parts (
    account INTEGER NOT NULL,
    last INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (account, last)
) WITHOUT ROWID;

CREATE TABLE search_terms (
    part INTEGER NOT NULL,
    term INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (part, term, message)
) WITHOUT ROWID;
