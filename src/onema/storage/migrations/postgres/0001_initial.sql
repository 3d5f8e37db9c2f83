-- works with code from: 1
--
-- The first schema. Every key of an account's data starts with the account, so that it can be distributed by it;
-- jobs, the receipt map, the inbox and the configuration are looked up without one.
--
-- Text is compared byte by byte (COLLATE "C"): that is faster, and the order in which Python sorts keys to lock.
-- messages, attempts, events and ledger are partitioned by their time-ordered id; partitions are made ahead and
-- dropped by PostgresStorage.maintain and drop_older_than, and the default partition catches what fits in none.

CREATE TABLE batches (
    id bigint NOT NULL PRIMARY KEY
);

CREATE TABLE directory (
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (kind, name)
);

CREATE TABLE directory_revision (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    revision bigint NOT NULL
);

-- A hot wallet is one row that every batch updates: half-empty pages keep its versions on its own page (HOT).
CREATE TABLE wallets (
    account bigint NOT NULL PRIMARY KEY,
    balance bigint NOT NULL
) WITH (fillfactor = 40);

CREATE TABLE top_ups (
    account bigint NOT NULL,
    reference text COLLATE "C" NOT NULL,
    entry bigint NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (account, reference)
);

CREATE TABLE windows (
    account bigint NOT NULL,
    scope text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    counters text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (account, scope, subject)
) WITH (fillfactor = 70);
CREATE INDEX windows_by_expiry ON windows (expires_at);

CREATE TABLE live_verifications (
    account bigint NOT NULL,
    phone text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    verification bigint NOT NULL,
    code_hash bytea NOT NULL,
    attempts_left bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (account, phone, purpose)
) WITH (fillfactor = 80);
CREATE INDEX live_verifications_by_expiry ON live_verifications (expires_at);

CREATE TABLE messages (
    account bigint NOT NULL,
    id bigint NOT NULL,
    dialect text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    phone text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    application text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    client_ip text COLLATE "C" NOT NULL,
    verification bigint NOT NULL,
    code_expires_at bigint NOT NULL,
    segments bigint NOT NULL,
    period bigint NOT NULL,
    unit_price bigint NOT NULL,
    price bigint NOT NULL,
    held bigint NOT NULL,
    charged bigint NOT NULL,
    talked_ms bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    ended_at bigint NOT NULL,
    PRIMARY KEY (account, id)
) PARTITION BY RANGE (id);
-- A message is updated about twice, soon after it was inserted; the room keeps that off its index.
CREATE TABLE messages_default PARTITION OF messages DEFAULT WITH (fillfactor = 75);

CREATE TABLE attempts (
    account bigint NOT NULL,
    message bigint NOT NULL,
    number bigint NOT NULL,
    carrier text COLLATE "C" NOT NULL,
    caller text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    carrier_reference text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    PRIMARY KEY (account, message, number)
) PARTITION BY RANGE (message);
CREATE TABLE attempts_default PARTITION OF attempts DEFAULT WITH (fillfactor = 75);

CREATE TABLE events (
    account bigint NOT NULL,
    subject bigint NOT NULL,
    id bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    data text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, subject, id)
) PARTITION BY RANGE (subject);
CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE TABLE ledger (
    account bigint NOT NULL,
    subject bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    at bigint NOT NULL,
    note text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, subject, kind)
) PARTITION BY RANGE (subject);
CREATE TABLE ledger_default PARTITION OF ledger DEFAULT;

CREATE TABLE jobs (
    id bigint NOT NULL PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    account bigint NOT NULL,
    message bigint NOT NULL,
    due_at bigint NOT NULL,
    lease bigint NOT NULL,
    attempt bigint NOT NULL,
    in_flight boolean NOT NULL,
    payload bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX jobs_by_due ON jobs (due_at);

CREATE TABLE carrier_references (
    carrier text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    account bigint NOT NULL,
    message bigint NOT NULL,
    attempt bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (carrier, reference)
);
CREATE INDEX carrier_references_by_expiry ON carrier_references (expires_at);

-- The simulated phone's inbox is bounded, so its index stays in cache.
CREATE TABLE inbox (
    id bigint NOT NULL PRIMARY KEY,
    phone text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    content bytea NOT NULL
);
CREATE INDEX inbox_by_phone ON inbox (phone);

CREATE TABLE recordings (
    voice text COLLATE "C" NOT NULL,
    sentence text COLLATE "C" NOT NULL,
    before bytea NOT NULL,
    after bytea NOT NULL,
    PRIMARY KEY (voice, sentence)
);

-- Small tables that turn over all the time: vacuumed long before a fifth of them is dead, and without pauses.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'batches', 'wallets', 'windows', 'live_verifications', 'jobs', 'carrier_references', 'inbox'
    ] LOOP
        EXECUTE format(
            'ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,'
            ' autovacuum_vacuum_cost_delay = 0)', name);
    END LOOP;
END $$;
