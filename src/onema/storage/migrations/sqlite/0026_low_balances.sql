-- works with code from: 10
--
-- Accounts whose balance is under the limit that they have set themselves.

CREATE TABLE low_balances (
    account INTEGER NOT NULL,
    since INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    threshold INTEGER NOT NULL,
    message INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (account)
) WITHOUT ROWID;
