-- works with code from: 10
--
-- Which server keys each process holds and uses, so that an operator sees when all have one.

CREATE TABLE node_keys (
    process text COLLATE "C" NOT NULL,
    reported_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    in_use bigint NOT NULL,
    held text COLLATE "C" NOT NULL,
    progress text COLLATE "C" NOT NULL,
    PRIMARY KEY (process)
);

CREATE INDEX node_keys_by_expiry ON node_keys (expires_at);
