-- OFFSET 0 keeps a subquery whole: a generic plan may otherwise join it to others by reading all of an index
-- (tests/integration/postgres/test_plans.py).

-- schema_version_table --
-- Where the schema's number is kept.
CREATE TABLE IF NOT EXISTS schema_version (
    version bigint NOT NULL PRIMARY KEY, applied_at timestamptz NOT NULL, works_from bigint NOT NULL DEFAULT 1
)

-- schema_version --
-- The number of the newest migration that was applied.
SELECT coalesce(max(version), 0) FROM schema_version

-- works_from --
-- The oldest code that every migration which was applied works with.
SELECT max(works_from) FROM schema_version

-- migration_applied --
-- Remember that a migration ($1) was applied, and the oldest code that it works with ($2).
INSERT INTO schema_version (version, applied_at, works_from) VALUES ($1, now(), $2)

-- end_lost_sessions --
-- End sessions of ours ($1) that were left in the middle of a batch when their link broke; a running COMMIT is left alone.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = $1 AND pid <> pg_backend_pid() AND usename = current_user
  AND state LIKE 'idle in transaction%'

-- batch_saved --
-- Remember that a batch was committed, in its own transaction. Divides by zero where a fence was put up after revision $2: only an error keeps the COMMIT that was sent with it from being done.
INSERT INTO batches (id) SELECT $1::bigint / CASE WHEN EXISTS (
    SELECT FROM directory_revision WHERE name = 'fence' AND revision > $2::bigint
) THEN 0 ELSE 1 END

-- refuse_outdated --
-- Divides by zero where a fence was put up after revision $1.
SELECT 1 / CASE WHEN EXISTS (
    SELECT FROM directory_revision WHERE name = 'fence' AND revision > $1::bigint
) THEN 0 ELSE 1 END

-- claim_moving --
-- Whether this session may move accounts from or to this database; no other may until it ends.
SELECT pg_try_advisory_lock(7266371)

-- keep_batches_out --
-- Wait for all batches that have saved their id, and keep others from doing so until this transaction ends.
LOCK TABLE batches IN SHARE ROW EXCLUSIVE MODE

-- let_go_at_commit --
-- Let this transaction's COMMIT give its locks back before the disk (or a standby) has it.
SET LOCAL synchronous_commit = off

-- wait_for_disk --
-- A transaction that writes a message of its own to the log, and so waits for all before it as the server is configured.
SELECT pg_logical_emit_message(true, 'onema', '')

-- announce_directory --
-- Tell all nodes on a channel ($1) that the configuration changed, once this transaction is committed.
SELECT pg_notify($1::text, '')

-- settle_batch --
-- Whether a batch was committed. Waits for a transaction that still holds its id; true means that the id was not there.
INSERT INTO batches (id) VALUES ($1::bigint) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING xmax = 0

-- sweep_batches --
-- Forget batches that nobody asks about any more.
DELETE FROM batches WHERE id < $1

-- lease_jobs --
-- Claim due jobs of kinds $4 ($1 now, $2 until, $3 limit), longest due first, but for those left for carriers that are all among $5, since $6.
WITH due AS MATERIALIZED (
    SELECT id FROM jobs
    WHERE due_at <= $1 AND kind <> 'callback' AND kind = ANY ($4::text[]) AND (due_at <= $6 OR carrier = '' OR NOT string_to_array(carrier, ',') <@ $5::text[])
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET due_at = $2, lease = jobs.lease + 1
FROM due WHERE jobs.id = due.id
RETURNING jobs.id, kind, account, message, due_at, lease, attempt, in_flight, payload, carrier, watch

-- oldest_due --
-- Since when the longest due job of each kind waits ($1 now); of the $2 longest due, and of each account's first callback.
WITH RECURSIVE accounts (account) AS (
    SELECT min(account) FROM jobs WHERE kind = 'callback'
    UNION ALL
    SELECT (SELECT min(next.account) FROM jobs next WHERE next.kind = 'callback' AND next.account > accounts.account)
    FROM accounts WHERE account IS NOT NULL
)
SELECT kind, min(due_at) FROM (
    SELECT kind, due_at FROM jobs WHERE kind <> 'callback' AND due_at <= $1 ORDER BY due_at LIMIT $2
) due GROUP BY kind
UNION ALL
SELECT 'callback', min(oldest.due_at) FROM (
    SELECT (SELECT min(due_at) FROM jobs WHERE kind = 'callback' AND jobs.account = accounts.account) AS due_at
    FROM accounts WHERE account IS NOT NULL
) oldest HAVING min(oldest.due_at) <= $1

-- lease_callbacks --
-- Claim due callbacks ($1 now, $2 until, $3 limit), longest due first, up to $4 of each account and none of accounts $5. Only so many rows of an account are read.
WITH RECURSIVE accounts AS (
    (SELECT account FROM jobs WHERE kind = 'callback' ORDER BY account LIMIT 1)
    UNION ALL
    SELECT (
        SELECT next.account FROM jobs next
        WHERE next.kind = 'callback' AND next.account > accounts.account ORDER BY next.account LIMIT 1
    ) FROM accounts WHERE account IS NOT NULL
), candidates AS MATERIALIZED (
    SELECT oldest.id FROM accounts CROSS JOIN LATERAL (
        SELECT id, due_at FROM jobs
        WHERE kind = 'callback' AND jobs.account = accounts.account AND due_at <= $1 ORDER BY due_at LIMIT $4
    ) oldest
    WHERE accounts.account <> ALL ($5::bigint[]) ORDER BY oldest.due_at LIMIT $3
), due AS MATERIALIZED (
    SELECT id FROM jobs WHERE id = ANY (ARRAY(SELECT id FROM candidates)) AND due_at <= $1 FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET due_at = $2, lease = jobs.lease + 1
FROM due WHERE jobs.id = due.id
RETURNING jobs.id, kind, account, message, due_at, lease, attempt, in_flight, payload, carrier, watch

-- dead_jobs --
-- Jobs that were given up, before an id ($1), newest first.
SELECT id, job, kind, account, message, leases, attempts, reason, fault FROM dead_jobs WHERE id < $1 ORDER BY id DESC LIMIT $2

-- audit --
-- What was changed by hand before an entry ($1 id, $2 part), newest first.
SELECT id, part, account, at, actor, how, role, address, what, subject, before, after FROM audit
WHERE (id, part) < ($1, $2) ORDER BY id DESC, part DESC LIMIT $3

-- audit_of_account --
-- What was changed by hand of one account ($1) before an entry ($2 id, $3 part), newest first.
SELECT id, part, account, at, actor, how, role, address, what, subject, before, after FROM audit
WHERE account = $1 AND (id, part) < ($2, $3) ORDER BY id DESC, part DESC LIMIT $4

-- drop_dead_jobs --
-- Forget jobs that were given up before an id.
DELETE FROM dead_jobs WHERE id < $1

-- sweep_live_verifications --
-- Delete verifications whose code can no longer be checked, once their wrong checks no longer count.
WITH expired AS MATERIALIZED (
    SELECT account, phone, purpose FROM live_verifications
    WHERE greatest(expires_at, kept_until) <= $1 ORDER BY greatest(expires_at, kept_until) LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM live_verifications t USING expired
WHERE (t.account, t.phone, t.purpose) = (expired.account, expired.phone, expired.purpose)

-- sweep_windows --
-- Delete windows that have closed.
WITH expired AS MATERIALIZED (
    SELECT account, scope, subject FROM windows
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM windows t USING expired
WHERE (t.account, t.scope, t.subject) = (expired.account, expired.scope, expired.subject)

-- sweep_carrier_references --
-- Delete carriers' names of attempts whose receipts are no longer expected.
WITH expired AS MATERIALIZED (
    SELECT carrier, reference FROM carrier_references
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM carrier_references t USING expired
WHERE (t.carrier, t.reference) = (expired.carrier, expired.reference)

-- unmatched_receipts --
-- Receipts that nobody's name matches, of carrier $1 or of all (''), newest first; $2 is how many.
SELECT carrier, reference, account, message, attempt, expires_at, received_at, receipt FROM carrier_references
WHERE message = 0 AND ($1::text = '' OR carrier = $1::text) ORDER BY received_at DESC LIMIT $2

-- trim_unmatched_receipts --
-- Forget receipts that nobody's name matches, beyond the newest $1.
DELETE FROM carrier_references WHERE message = 0 AND received_at <= (
    SELECT received_at FROM carrier_references WHERE message = 0 ORDER BY received_at DESC LIMIT 1 OFFSET $1
)

-- sweep_recent_refusals --
-- Forget why requests were refused, of accounts of which none was for long.
WITH expired AS MATERIALIZED (
    SELECT account FROM recent_refusals
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM recent_refusals t USING expired WHERE t.account = expired.account

-- sweep_guard_subjects --
-- Delete what the guard has counted and needs no more.
WITH expired AS MATERIALIZED (
    SELECT account, subject FROM guard_subjects
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM guard_subjects t USING expired WHERE (t.account, t.subject) = (expired.account, expired.subject)

-- sweep_request_keys --
-- Forget requests that nobody sends again any more.
WITH expired AS MATERIALIZED (
    SELECT account, name FROM request_keys
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM request_keys t USING expired WHERE (t.account, t.name) = (expired.account, expired.name)

-- invitations --
-- Open links that make users, of one account or of all ($1 ''), newest first.
SELECT digest, name, role, account, invited_by, made_at, expires_at FROM invitations
WHERE $1 = '' OR account = $1 ORDER BY made_at DESC, digest LIMIT $2

-- sweep_invitations --
-- Forget links that nobody can use any more.
WITH expired AS MATERIALIZED (
    SELECT digest FROM invitations
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM invitations t USING expired WHERE t.digest = expired.digest

-- sweep_login_tries --
-- Forget logins that failed so long ago that nobody waits for them.
WITH expired AS MATERIALIZED (
    SELECT scope, subject FROM login_tries
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM login_tries t USING expired WHERE (t.scope, t.subject) = (expired.scope, expired.subject)

-- process_reports --
-- What each process last said of its carriers.
SELECT process, reported_at, expires_at, carriers FROM process_reports ORDER BY process

-- sweep_process_reports --
-- Forget what processes said that say nothing any more.
WITH expired AS MATERIALIZED (
    SELECT process FROM process_reports
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM process_reports t USING expired WHERE t.process = expired.process

-- sweep_node_keys --
-- Forget which server keys processes held that say nothing any more.
WITH expired AS MATERIALIZED (
    SELECT process FROM node_keys
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM node_keys t USING expired WHERE t.process = expired.process

-- live_figures --
-- What each process counted from a slot ($1) on, oldest first.
SELECT slot, process, expires_at, figures FROM live_figures WHERE slot >= $1 ORDER BY slot, process

-- sweep_live_figures --
-- Forget what was counted some minutes ago.
WITH expired AS MATERIALIZED (
    SELECT slot, process FROM live_figures WHERE expires_at <= $1 ORDER BY slot LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM live_figures t USING expired WHERE (t.slot, t.process) = (expired.slot, expired.process)

-- sweep_statistics --
-- Forget what was counted long ago.
WITH expired AS MATERIALIZED (
    SELECT account, span, start FROM statistics WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM statistics t USING expired WHERE (t.account, t.span, t.start) = (expired.account, expired.span, expired.start)

-- windows_after --
-- How many windows expire after a moment ($1).
SELECT count(*) FROM windows WHERE expires_at > $1

-- codes_after --
-- How many live codes expire after a moment ($1).
SELECT count(*) FROM live_verifications WHERE expires_at > $1

-- bring_forward --
-- Make jobs of a kind ($1) due now ($3) that are due only after $2.
UPDATE jobs SET due_at = $3 WHERE kind = $1 AND due_at > $2

-- trim_inbox --
-- Forget inbox items beyond the newest $1, and those older than id $2.
DELETE FROM inbox WHERE id < greatest(
    $2,
    coalesce((SELECT id FROM inbox ORDER BY id DESC LIMIT 1 OFFSET $1::bigint - 1), 0)
)

-- directory_revision --
-- How often the configuration has changed.
SELECT revision FROM directory_revision WHERE name = 'directory'

-- directory --
-- All configuration documents.
SELECT kind, name, revision, document FROM directory ORDER BY kind, name

-- directory_since --
-- Configuration documents that were made or changed after a revision ($1).
SELECT kind, name, revision, document FROM directory WHERE revision > $1

-- directory_size --
-- How many configuration documents there are.
SELECT count(*) FROM directory

-- directory_names --
-- What configuration documents there are after one ($1 kind, $2 name), up to $3 of them.
SELECT kind, name FROM directory WHERE (kind, name) > ($1, $2) ORDER BY kind, name LIMIT $3

-- attempts_of_message --
-- The attempts of one message ($1 account, $2 message), in order.
SELECT account, message, number, carrier, caller, state, carrier_reference, detail, started_at, ended_at,
       awaited, ending, why, network, paid
FROM attempts WHERE account = $1 AND message = $2 ORDER BY number

-- calls_of_message --
-- The calls of one message ($1 account, $2 message), in order.
SELECT account, message, attempt, carrier, state, started_at, ringing_at, answered_at, ended_at, heard_at, ring_ms, talk_ms,
       ending, keys, status, codec, packets_sent, packets_received, packets_lost, jitter_us, trace
FROM calls WHERE account = $1 AND message = $2 ORDER BY attempt

-- calls --
-- An account's ($1) calls of messages before an id ($2), newest message first, its first attempt first; without their traces.
SELECT account, message, attempt, carrier, state, started_at, ringing_at, answered_at, ended_at, heard_at, ring_ms, talk_ms,
       ending, keys, status, codec, packets_sent, packets_received, packets_lost, jitter_us, ''::bytea
FROM calls WHERE account = $1 AND message < $2 ORDER BY message DESC, attempt LIMIT $3

-- events_of_subject --
-- What happened to one message or verification ($1 account, $2 subject), in order.
SELECT account, subject, id, kind, data FROM events WHERE account = $1 AND subject = $2 ORDER BY id

-- events --
-- Events of an account ($1) before one of them ($2 subject, $3 id), newest subject first, its last event first.
SELECT account, subject, id, kind, data FROM events
WHERE account = $1 AND (subject, id) < ($2::bigint, $3::bigint) ORDER BY subject DESC, id DESC LIMIT $4

-- ledger_of_subject --
-- The money of one message ($1 account, $2 subject), in order.
SELECT account, subject, kind, amount, at, note FROM ledger
WHERE account = $1 AND subject = $2 ORDER BY at, kind DESC

-- messages --
-- An account's ($1) messages before an id ($2), newest first.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- newest_part --
-- The last message of an account ($1) that is in a part which can be searched; 0 without any.
SELECT coalesce(max(last), 0)::bigint FROM search_parts WHERE account = $1

-- nth_newest --
-- The message of an account ($1) between $2 and $3 that $4 are newer than.
SELECT id FROM messages WHERE account = $1 AND id > $2 AND id < $3 ORDER BY id DESC LIMIT 1 OFFSET $4

-- scan_messages --
-- Messages of an account ($1) between $2 and $3 to one of some phones ($5) or with a reference ($6), unless not $4, in a state ($7) or in any (''), newest first.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages
WHERE account = $1 AND id > $2 AND id < $3
  AND (NOT $4::boolean OR phone = ANY ($5::text[]) OR ($6::text <> '' AND reference = $6::text))
  AND ($7::text = '' OR state = $7::text)
ORDER BY id DESC LIMIT $8

-- forget_terms --
-- Let an account's ($1) messages be found by some terms ($2) no more.
DELETE FROM search_terms WHERE part IN (SELECT last FROM search_parts WHERE account = $1) AND term = ANY ($2::bigint[])

-- codes_of_phone --
-- An account's ($1) live codes for a phone ($2).
SELECT account, phone, purpose, verification, code_hash, attempts_left, expires_at, wrong_checks, kept_until, plan, progress,
       origin
FROM live_verifications WHERE account = $1 AND phone = $2 ORDER BY purpose

-- guard_of_phone --
-- What the guard counts of a phone ($2) for an account ($1).
SELECT account, subject, state, expires_at FROM guard_subjects
WHERE account = $1 AND subject LIKE '%' || $2::text ORDER BY subject

-- windows_of_phone --
-- What an account's ($1) windows count of a phone ($2).
SELECT account, scope, subject, counters, expires_at FROM windows WHERE account = $1 AND subject = $2 ORDER BY scope

-- named_messages --
-- Messages of an account ($1) in parts between $2 and $3 that are found by one of some terms ($4), newest first.
SELECT DISTINCT found.message FROM search_parts JOIN search_terms found ON found.part = search_parts.last
WHERE search_parts.account = $1 AND search_parts.last > $2 AND search_parts.first < $3
  AND found.term = ANY ($4::bigint[]) AND found.message > $2 AND found.message < $3
ORDER BY found.message DESC LIMIT $5

-- messages_of_ids --
-- Some messages ($2) of an account ($1), newest first.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages WHERE account = $1 AND id = ANY ($2::bigint[]) ORDER BY id DESC

-- next_part --
-- An account's ($1) first messages between $2 and $3, and what they are found by.
SELECT id, phone, reference FROM messages WHERE account = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4

-- make_part --
-- Remember a part of an account ($1) from $3 to $2 and what its messages ($5) are found by ($4), unless another process has.
WITH made AS (
    INSERT INTO search_parts (account, last, first) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING last
), named AS (
    INSERT INTO search_terms (part, term, message)
    SELECT made.last, term, message FROM made, unnest($4::bigint[], $5::bigint[]) AS told (term, message)
)
SELECT count(*) FROM made

-- accounts_with_money --
-- Every account that has ever sent or paid.
SELECT account FROM wallets ORDER BY account

-- forget_ended --
-- Forget messages of an account ($1) that have ended, with ids under $2, $3 of them, and all that belongs to them.
WITH old AS MATERIALIZED (
    SELECT id FROM messages WHERE account = $1 AND id < $2 AND ended_at > 0
    ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
), of_attempts AS (
    DELETE FROM attempts WHERE account = $1 AND message = ANY (ARRAY(SELECT id FROM old)) AND message < $2
), of_calls AS (
    DELETE FROM calls WHERE account = $1 AND message = ANY (ARRAY(SELECT id FROM old)) AND message < $2
), of_events AS (
    DELETE FROM events WHERE account = $1 AND subject = ANY (ARRAY(SELECT id FROM old)) AND subject < $2
)
DELETE FROM messages WHERE account = $1 AND id = ANY (ARRAY(SELECT id FROM old)) AND id < $2

-- drop_parts_of_account --
-- Forget parts of an account ($1) all of whose messages are older than an id ($2), and what they are found by.
WITH gone AS (DELETE FROM search_parts WHERE account = $1 AND last < $2 RETURNING last)
DELETE FROM search_terms USING gone WHERE part = gone.last

-- drop_parts --
-- Forget parts all of whose messages are older than an id ($1), and what they are found by.
WITH gone AS (DELETE FROM search_parts WHERE last < $1 RETURNING last)
DELETE FROM search_terms USING gone WHERE part = gone.last

-- messages_together --
-- The messages of an account ($1) with ids from $2 to before $3 that were asked for together with $2, in order.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages WHERE account = $1 AND id >= $2 AND id < $3 AND together = $2 ORDER BY id LIMIT $4

-- sent --
-- An account's ($1) messages of one channel ($6) with ids from $2 to before $3, of one API ($4) and some categories
-- ($5), in order.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages
WHERE account = $1 AND id >= $2 AND id < $3 AND channel = $6 AND dialect = $4 AND category = ANY($5::text[])
ORDER BY id LIMIT $7 OFFSET $8

-- count_sent --
-- How many these are, at most $7.
SELECT count(*) FROM (
    SELECT 1 FROM messages
    WHERE account = $1 AND id >= $2 AND id < $3 AND channel = $6 AND dialect = $4 AND category = ANY($5::text[])
    LIMIT $7
) AS counted

-- has_messages --
-- Whether one of some accounts ($1) has a message from $2 to before $3.
SELECT EXISTS (
    SELECT FROM unnest($1::bigint[]) AS of_account (id), LATERAL (
        SELECT FROM messages WHERE account = of_account.id AND id >= $2 AND id < $3 LIMIT 1
    ) one
)

-- count_messages --
-- Messages of some accounts ($1) from $2 to before $3 that are alike, with what became of them by $4; a prefix is a number without $5 digits.
WITH told AS MATERIALIZED (
    SELECT m.account, m.id, m.channel, m.template, m.phone, m.state, m.charged, m.ended_at, m.code_expires_at,
        m.verification, m.verification = m.id AS begins,
        left(m.phone, greatest(length(m.phone) - $5::bigint, $6::bigint)::integer) AS prefix,
        coalesce(l.carrier, '') AS carrier,
        coalesce(substring(l.network FROM '"operator": ?"([^"]*)"'), substring(l.network FROM '"mccmnc": ?"([^"]*)"'), '') AS network,
        coalesce(l.number, 0) AS attempts,
        coalesce(f.carrier, '') AS first_carrier, f.state AS first_state, f.ended_at - f.started_at AS first_ms,
        f.carrier IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM events WHERE account = m.account AND subject = m.id AND kind = 'guard' OFFSET 0
        ) AS tried,
        CASE WHEN m.verification = 0 THEN 0 ELSE coalesce((
            SELECT min(events.id) FROM events
            WHERE account = m.account AND subject = m.verification AND kind = 'verified'
        ), 0) END AS verified_at
    FROM unnest($1::bigint[]) AS of_account (id), LATERAL (
        SELECT * FROM messages WHERE account = of_account.id AND id >= $2 AND id < $3 OFFSET 0
    ) m
    LEFT JOIN LATERAL (
        SELECT carrier, state, started_at, ended_at FROM attempts
        WHERE account = m.account AND message = m.id AND number = 1 OFFSET 0
    ) f ON true
    LEFT JOIN LATERAL (
        SELECT carrier, network, number FROM attempts
        WHERE account = m.account AND message = m.id ORDER BY number DESC LIMIT 1
    ) l ON true
    WHERE m.state <> 'refused' AND m.reason <> 'sandbox' AND m.dialect <> 'operator'
), counted AS MATERIALIZED (
    SELECT *, verified_at > id AND NOT EXISTS (
        SELECT 1 FROM events WHERE account = told.account AND subject = told.verification
          AND events.id > told.id AND events.id < verified_at AND kind IN ('next channel', 'sent again') OFFSET 0
    ) AS verified
    FROM told
)
SELECT account, channel, template, prefix, min(phone), carrier, network, first_carrier,
       count(*),
       count(*) FILTER (WHERE ended_at = 0 OR code_expires_at > $4),
       count(*) FILTER (WHERE state NOT IN ('accepted', 'failed')),
       count(*) FILTER (WHERE state = 'delivered'),
       count(*) FILTER (WHERE begins),
       count(*) FILTER (WHERE verified),
       sum(charged)::bigint,
       sum(CASE WHEN verification = 0 THEN 0 ELSE charged END)::bigint,
       count(*) FILTER (WHERE tried),
       count(*) FILTER (WHERE tried AND begins),
       count(*) FILTER (WHERE tried AND begins AND verified AND attempts = 1),
       count(*) FILTER (WHERE tried AND first_state IN ('delivered', 'undelivered')),
       count(*) FILTER (WHERE tried AND first_state = 'delivered'),
       count(*) FILTER (WHERE tried AND first_state = 'delivered' AND first_ms < 2000),
       count(*) FILTER (WHERE tried AND first_state = 'delivered' AND first_ms < 5000),
       count(*) FILTER (WHERE tried AND first_state = 'delivered' AND first_ms < 10000),
       count(*) FILTER (WHERE tried AND first_state = 'delivered' AND first_ms < 20000),
       count(*) FILTER (WHERE tried AND first_state = 'delivered' AND first_ms < 40000),
       count(*) FILTER (WHERE tried AND first_state = 'delivered' AND first_ms < 80000),
       count(*) FILTER (WHERE tried AND first_state = 'delivered' AND first_ms < 160000)
FROM counted
GROUP BY account, channel, template, prefix, carrier, network, first_carrier

-- codes --
-- An account's ($1) newest messages with codes and ids from $2 to before $3, of one API ($4) and some categories ($5), and
-- whether each code was verified.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template,
       EXISTS (SELECT 1 FROM events
               WHERE events.account = messages.account AND subject = verification AND kind = 'verified')
FROM messages
WHERE account = $1 AND id >= $2 AND id < $3 AND verification <> 0 AND dialect = $4 AND category = ANY($5::text[])
ORDER BY id DESC LIMIT $6
-- first_attempts --
-- An account's ($1) first attempts of first messages with codes from $2 to before $3, in order, of which the guard found nothing.
SELECT m.id, m.channel, m.phone, f.carrier, f.why,
    EXISTS (
        SELECT 1 FROM events e WHERE e.account = m.account AND e.subject = m.id AND e.kind = 'verified'
          AND NOT EXISTS (
              SELECT 1 FROM events n WHERE n.account = m.account AND n.subject = m.id AND n.id < e.id
                AND n.kind IN ('next channel', 'sent again') OFFSET 0
          ) OFFSET 0
    ) AND NOT EXISTS (
        SELECT 1 FROM attempts s WHERE s.account = m.account AND s.message = m.id AND s.number > 1 OFFSET 0
    )
FROM messages m, LATERAL (
    SELECT carrier, why FROM attempts WHERE account = m.account AND message = m.id AND number = 1 OFFSET 0
) f
WHERE m.account = $1 AND m.id >= $2 AND m.id < $3 AND m.verification = m.id AND m.dialect <> 'operator'
  AND m.phone <> '+0'
  AND NOT EXISTS (
      SELECT 1 FROM events g WHERE g.account = m.account AND g.subject = m.id AND g.kind = 'guard' OFFSET 0
  )
ORDER BY m.id LIMIT $4

-- ledger --
-- An account's ($1) newest ledger entries behind one of them ($3 subject, $4 kind).
SELECT account, subject, kind, amount, at, note FROM ledger
WHERE account = $1 AND subject <= $3 AND (subject < $3 OR kind > $4) ORDER BY subject DESC, kind LIMIT $2

-- ledger_sum --
-- What an account's balance must be.
SELECT coalesce(sum(amount), 0)::bigint FROM ledger WHERE account = $1

-- inbox --
-- Inbox items of all phones after an id ($1), newest first.
SELECT id, phone, channel, sender, content FROM inbox WHERE id > $1 ORDER BY id DESC LIMIT $2

-- inbox_phones --
-- The newest inbox item of each phone whose number has a part ($1), newest first.
SELECT id, phone, channel, sender, content FROM inbox WHERE id IN (
    SELECT max(id) FROM inbox WHERE strpos(phone, $1) > 0 GROUP BY phone ORDER BY 1 DESC LIMIT $2
) ORDER BY id DESC

-- inbox_of_phone --
-- Inbox items of one phone ($3) after an id ($1), newest first.
SELECT id, phone, channel, sender, content FROM inbox
WHERE phone = $3 AND id > $1 ORDER BY id DESC LIMIT $2

-- now --
-- The database's time in Unix milliseconds.
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- partitions --
-- The partitions of a table ($1) and their bounds.
SELECT child.relname::text, pg_get_expr(child.relpartbound, child.oid)
FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = to_regclass($1::text)

-- close_ledger --
-- Write the closing entry of every account whose entries in {source} before {end} do not cancel out.
INSERT INTO ledger AS entry (account, subject, kind, amount, at, note)
SELECT account, {end}, '{kind}', sum(amount), {at}, 'earlier entries' FROM {source}
WHERE subject < {end} GROUP BY account HAVING sum(amount) <> 0
ON CONFLICT (account, subject, kind) DO UPDATE SET amount = entry.amount + excluded.amount

-- server_state --
-- How the server is set up for this session's role and database, and how many more connections they may open.
SELECT
    current_setting('server_version'),
    current_setting('server_encoding'),
    current_setting('fsync') = 'on',
    current_setting('full_page_writes') = 'on',
    current_setting('synchronous_commit'),
    (SELECT source FROM pg_settings WHERE name = 'synchronous_commit'),
    current_setting('synchronous_standby_names'),
    (SELECT count(*) FROM pg_stat_replication),
    (
        -- A limit of -1 is none; used are all backends, of which everybody sees the number.
        SELECT least(
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0)
                - (SELECT sum(numbackends) FROM pg_stat_database),
            nullif(datconnlimit, -1) - (SELECT numbackends FROM pg_stat_database WHERE datname = current_database()),
            nullif(rolconnlimit, -1) - (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user)
        )
        FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user
    )
