-- works with code from: 10
--
-- What messages are found by, written for closed parts of them, so that the hot table needs no second index.

CREATE TABLE search_parts (
    account bigint NOT NULL,
    last bigint NOT NULL,
    first bigint NOT NULL,
    PRIMARY KEY (account, last)
);

CREATE TABLE search_terms (
    part bigint NOT NULL,
    term bigint NOT NULL,
    message bigint NOT NULL,
    PRIMARY KEY (part, term, message)
);
