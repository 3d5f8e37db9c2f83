-- works with code from: 10
--
-- Accounts whose balance is under the limit that they have set themselves.

CREATE TABLE low_balances (
    account bigint NOT NULL,
    since bigint NOT NULL,
    balance bigint NOT NULL,
    threshold bigint NOT NULL,
    message bigint NOT NULL,
    event bigint NOT NULL,
    PRIMARY KEY (account)
);
