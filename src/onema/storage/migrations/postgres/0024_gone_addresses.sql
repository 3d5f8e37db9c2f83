-- works with code from: 10
--
-- Callback addresses that answered that they are gone: they are told of no events.

CREATE TABLE gone_addresses (
    account bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    host text COLLATE "C" NOT NULL,
    gone_at bigint NOT NULL,
    PRIMARY KEY (account, digest)
);
