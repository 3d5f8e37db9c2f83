-- works with code from: 10
--
-- One call of each attempt that places one: how far it is, and in the end what is known of it.

CREATE TABLE calls (
    account bigint NOT NULL,
    message bigint NOT NULL,
    attempt bigint NOT NULL,
    carrier text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    ringing_at bigint NOT NULL,
    answered_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    heard_at bigint NOT NULL,
    ring_ms bigint NOT NULL,
    talk_ms bigint NOT NULL,
    ending text COLLATE "C" NOT NULL,
    keys text COLLATE "C" NOT NULL,
    status bigint NOT NULL,
    codec text COLLATE "C" NOT NULL,
    packets_sent bigint NOT NULL,
    packets_received bigint NOT NULL,
    packets_lost bigint NOT NULL,
    jitter_us bigint NOT NULL,
    trace bytea NOT NULL,
    PRIMARY KEY (account, message, attempt)
) PARTITION BY RANGE (message);
-- Updated about three times within a minute, as messages are.
CREATE TABLE calls_default PARTITION OF calls DEFAULT WITH (fillfactor = 75);
