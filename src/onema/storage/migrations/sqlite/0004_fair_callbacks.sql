-- works with code from: 1
--
-- Callbacks are claimed fairly between accounts, by an index of their own, so that those of a receiver that does not answer
-- are in nobody's way; every row is still in one index besides its key. And the jobs that were given up.
--
-- Code from before finds due jobs without an index: it is slower then, and right.

CREATE INDEX jobs_but_callbacks_by_due ON jobs (due_at) WHERE kind <> 'callback';
CREATE INDEX callbacks_by_account ON jobs (account, due_at) WHERE kind = 'callback';
DROP INDEX jobs_by_due;

CREATE TABLE dead_jobs (
    id INTEGER NOT NULL PRIMARY KEY,
    job INTEGER NOT NULL,
    kind TEXT NOT NULL,
    account INTEGER NOT NULL,
    message INTEGER NOT NULL,
    leases INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL
);
