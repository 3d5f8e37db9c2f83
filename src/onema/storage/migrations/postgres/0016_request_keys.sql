-- works with code from: 10
--
-- What became of requests that their clients named, so that the same request is not served twice.

CREATE TABLE request_keys (
    account bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    message bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (account, name)
);

CREATE INDEX request_keys_by_expiry ON request_keys (expires_at);

ALTER TABLE request_keys SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0
);
