-- schema_version_table --
-- Where it is kept which code may work on the schema. Its number itself is the database's user_version.
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY, works_from INTEGER NOT NULL)

-- works_from --
-- The oldest code that every migration which was applied works with.
SELECT max(works_from) FROM schema_version

-- migration_applied --
-- Remember that a migration was applied, and the oldest code that it works with.
INSERT INTO schema_version (version, works_from) VALUES (:number, :works_from)

-- lease_jobs --
-- Claim due jobs of some :kinds, longest due first, but for those left for carriers that are all :elsewhere, since :left_before. Both are JSON lists.
UPDATE jobs SET due_at = :until, lease = lease + 1
WHERE id IN (
    SELECT id FROM jobs
    WHERE due_at <= :now AND kind <> 'callback' AND kind IN (SELECT value FROM json_each(:kinds))
      AND (due_at <= :left_before OR carrier = '' OR EXISTS (
          SELECT 1 FROM json_each('["' || replace(carrier, ',', '","') || '"]') AS names
          WHERE names.value NOT IN (SELECT value FROM json_each(:elsewhere))
      ))
    ORDER BY due_at LIMIT :limit
)
RETURNING id, kind, account, message, due_at, lease, attempt, in_flight, payload, carrier, watch

-- oldest_due --
-- Since when the longest due job of each kind waits; of the :limit longest due, and of each account's first callback.
WITH RECURSIVE accounts (account) AS (
    SELECT min(account) FROM jobs WHERE kind = 'callback'
    UNION ALL
    SELECT (SELECT min(next.account) FROM jobs next WHERE next.kind = 'callback' AND next.account > accounts.account)
    FROM accounts WHERE account IS NOT NULL
)
SELECT kind, min(due_at) FROM (
    SELECT kind, due_at FROM jobs WHERE kind <> 'callback' AND due_at <= :now ORDER BY due_at LIMIT :limit
) GROUP BY kind
UNION ALL
SELECT 'callback', min(oldest.due_at) FROM (
    SELECT (SELECT min(due_at) FROM jobs WHERE kind = 'callback' AND jobs.account = accounts.account) AS due_at
    FROM accounts WHERE account IS NOT NULL
) oldest HAVING min(oldest.due_at) <= :now

-- lease_callbacks --
-- Claim due callbacks, longest due first, up to :share of each account and none of the accounts :full (a JSON list). Only so many rows of an account are read.
WITH RECURSIVE accounts (account) AS (
    SELECT min(account) FROM jobs WHERE kind = 'callback'
    UNION ALL
    SELECT (SELECT min(next.account) FROM jobs next WHERE next.kind = 'callback' AND next.account > accounts.account)
    FROM accounts WHERE account IS NOT NULL
)
UPDATE jobs SET due_at = :until, lease = lease + 1
WHERE id IN (
    SELECT oldest.id FROM accounts CROSS JOIN jobs oldest ON oldest.id IN (
        SELECT mine.id FROM jobs mine
        WHERE mine.kind = 'callback' AND mine.account = accounts.account AND mine.due_at <= :now
        ORDER BY mine.due_at LIMIT :share
    )
    WHERE accounts.account NOT IN (SELECT value FROM json_each(:full))
    ORDER BY oldest.due_at LIMIT :limit
)
RETURNING id, kind, account, message, due_at, lease, attempt, in_flight, payload, carrier, watch

-- dead_jobs --
-- Jobs that were given up, newest first.
SELECT id, job, kind, account, message, leases, attempts, reason, fault FROM dead_jobs
WHERE id < :before ORDER BY id DESC LIMIT :limit

-- audit --
-- What was changed by hand before (:id, :entry), newest first.
SELECT id, part, account, at, actor, how, role, address, what, subject, before, after FROM audit
WHERE (id, part) < (:id, :entry) ORDER BY id DESC, part DESC LIMIT :limit

-- audit_of_account --
-- What was changed by hand of one account before (:id, :entry), newest first.
SELECT id, part, account, at, actor, how, role, address, what, subject, before, after FROM audit
WHERE account = :account_name AND (id, part) < (:id, :entry) ORDER BY id DESC, part DESC LIMIT :limit

-- drop_dead_jobs --
-- Forget the oldest jobs that were given up.
DELETE FROM dead_jobs WHERE id IN (SELECT id FROM dead_jobs WHERE id < :cut ORDER BY id LIMIT :limit)

-- sweep_live_verifications --
-- Delete verifications whose code can no longer be checked, once their wrong checks no longer count.
DELETE FROM live_verifications WHERE (account, phone, purpose) IN (
    SELECT account, phone, purpose FROM live_verifications
    WHERE max(expires_at, kept_until) <= :now ORDER BY max(expires_at, kept_until) LIMIT :limit
)

-- sweep_windows --
-- Delete windows that have closed.
DELETE FROM windows WHERE (account, scope, subject) IN (
    SELECT account, scope, subject FROM windows WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- sweep_carrier_references --
-- Delete carriers' names of attempts whose receipts are no longer expected.
DELETE FROM carrier_references WHERE (carrier, reference) IN (
    SELECT carrier, reference FROM carrier_references WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- unmatched_receipts --
-- Receipts that nobody's name matches, of one carrier or of all (''), newest first.
SELECT carrier, reference, account, message, attempt, expires_at, received_at, receipt FROM carrier_references
WHERE message = 0 AND (:carrier = '' OR carrier = :carrier) ORDER BY received_at DESC LIMIT :limit

-- trim_unmatched_receipts --
-- Forget receipts that nobody's name matches, beyond the newest :keep.
DELETE FROM carrier_references WHERE message = 0 AND received_at <= (
    SELECT received_at FROM carrier_references WHERE message = 0 ORDER BY received_at DESC LIMIT 1 OFFSET :keep
)

-- sweep_recent_refusals --
-- Forget why requests were refused, of accounts of which none was for long.
DELETE FROM recent_refusals WHERE account IN (
    SELECT account FROM recent_refusals WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- sweep_guard_subjects --
-- Delete what the guard has counted and needs no more.
DELETE FROM guard_subjects WHERE (account, subject) IN (
    SELECT account, subject FROM guard_subjects WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- sweep_request_keys --
-- Forget requests that nobody sends again any more.
DELETE FROM request_keys WHERE (account, name) IN (
    SELECT account, name FROM request_keys WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- invitations --
-- Open links that make users, of one account or of all (''), newest first.
SELECT digest, name, role, account, invited_by, made_at, expires_at FROM invitations
WHERE :of_account = '' OR account = :of_account ORDER BY made_at DESC, digest LIMIT :limit

-- sweep_invitations --
-- Forget links that nobody can use any more.
DELETE FROM invitations WHERE digest IN (
    SELECT digest FROM invitations WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- sweep_login_tries --
-- Forget logins that failed so long ago that nobody waits for them.
DELETE FROM login_tries WHERE (scope, subject) IN (
    SELECT scope, subject FROM login_tries WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- process_reports --
-- What each process last said of its carriers.
SELECT process, reported_at, expires_at, carriers FROM process_reports ORDER BY process

-- sweep_process_reports --
-- Forget what processes said that say nothing any more.
DELETE FROM process_reports WHERE process IN (
    SELECT process FROM process_reports WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- sweep_node_keys --
-- Forget which server keys processes held that say nothing any more.
DELETE FROM node_keys WHERE process IN (
    SELECT process FROM node_keys WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- live_figures --
-- What each process counted from a :slot on, oldest first.
SELECT slot, process, expires_at, figures FROM live_figures WHERE slot >= :slot ORDER BY slot, process

-- sweep_live_figures --
-- Forget what was counted some minutes ago.
DELETE FROM live_figures WHERE (slot, process) IN (
    SELECT slot, process FROM live_figures WHERE expires_at <= :now ORDER BY slot LIMIT :limit
)

-- sweep_statistics --
-- Forget what was counted long ago.
DELETE FROM statistics WHERE (account, span, start) IN (
    SELECT account, span, start FROM statistics WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
)

-- windows_after --
-- How many windows expire after a moment.
SELECT count(*) FROM windows WHERE expires_at > :moment

-- codes_after --
-- How many live codes expire after a moment.
SELECT count(*) FROM live_verifications WHERE expires_at > :moment

-- bring_forward --
-- Make jobs of a :kind due :now that are due only after :latest.
UPDATE jobs SET due_at = :now WHERE kind = :kind AND due_at > :latest

-- trim_inbox --
-- Forget inbox items beyond the newest :keep, and those older than :oldest.
DELETE FROM inbox WHERE id < max(
    :oldest,
    coalesce((SELECT id FROM inbox ORDER BY id DESC LIMIT 1 OFFSET :keep - 1), 0)
)

-- accounts_with_money --
-- Every account that has ever sent or paid.
SELECT account FROM wallets

-- drop_messages --
-- Forget an account's oldest messages.
DELETE FROM messages WHERE account = :account AND id IN (
    SELECT id FROM messages WHERE account = :account AND id < :cut ORDER BY id LIMIT :limit
)

-- ended --
-- An account's oldest messages that have ended.
SELECT id FROM messages WHERE account = :account AND id < :cut AND ended_at > 0 ORDER BY id LIMIT :limit

-- forget_attempts --
-- Forget the attempts of one message.
DELETE FROM attempts WHERE account = :account AND message = :id

-- forget_calls --
-- Forget the calls of one message.
DELETE FROM calls WHERE account = :account AND message = :id

-- forget_events --
-- Forget the story of one message.
DELETE FROM events WHERE account = :account AND subject = :id

-- forget_message --
-- Forget one message.
DELETE FROM messages WHERE account = :account AND id = :id

-- drop_attempts --
-- Forget an account's oldest attempts.
DELETE FROM attempts WHERE account = :account AND message IN (
    SELECT message FROM attempts WHERE account = :account AND message < :cut ORDER BY message LIMIT :limit
)

-- drop_calls --
-- Forget an account's oldest calls.
DELETE FROM calls WHERE account = :account AND message IN (
    SELECT message FROM calls WHERE account = :account AND message < :cut ORDER BY message LIMIT :limit
)

-- drop_events --
-- Forget what happened to an account's oldest messages.
DELETE FROM events WHERE account = :account AND subject IN (
    SELECT subject FROM events WHERE account = :account AND subject < :cut ORDER BY subject LIMIT :limit
)

-- oldest_ledger --
-- An account's oldest ledger entries, the closing one aside.
SELECT subject, kind, amount FROM ledger
WHERE account = :account AND subject < :cut AND subject > 0 ORDER BY subject LIMIT :limit

-- drop_ledger_entry --
-- Forget one ledger entry.
DELETE FROM ledger WHERE account = :account AND subject = :subject AND kind = :kind

-- close_ledger --
-- Add what was dropped to the account's closing entry.
INSERT INTO ledger (account, subject, kind, amount, at, note)
VALUES (:account, 0, 'closing', :amount, :at, 'entries dropped because of their age')
ON CONFLICT (account, subject, kind) DO UPDATE SET amount = amount + excluded.amount, at = excluded.at

-- directory_revision --
-- How often the configuration has changed.
SELECT revision FROM directory_revision WHERE name = 'directory'

-- directory --
-- All configuration documents.
SELECT kind, name, revision, document FROM directory

-- directory_since --
-- Configuration documents that were made or changed after a :revision.
SELECT kind, name, revision, document FROM directory WHERE revision > :revision

-- directory_size --
-- How many configuration documents there are.
SELECT count(*) FROM directory

-- directory_names --
-- What configuration documents there are.
SELECT kind, name FROM directory

-- attempts_of_message --
-- The attempts of one message, in order.
SELECT account, message, number, carrier, caller, state, carrier_reference, detail, started_at, ended_at,
       awaited, ending, why, network, paid
FROM attempts WHERE account = :account AND message = :message ORDER BY number

-- calls_of_message --
-- The calls of one message, in order.
SELECT account, message, attempt, carrier, state, started_at, ringing_at, answered_at, ended_at, heard_at, ring_ms, talk_ms,
       ending, keys, status, codec, packets_sent, packets_received, packets_lost, jitter_us, trace
FROM calls WHERE account = :account AND message = :message ORDER BY attempt

-- calls --
-- An account's calls of messages before an id, newest message first, its first attempt first; without their traces.
SELECT account, message, attempt, carrier, state, started_at, ringing_at, answered_at, ended_at, heard_at, ring_ms, talk_ms,
       ending, keys, status, codec, packets_sent, packets_received, packets_lost, jitter_us, x''
FROM calls WHERE account = :account AND message < :before ORDER BY message DESC, attempt LIMIT :limit

-- events_of_subject --
-- What happened to one message or verification, in order.
SELECT account, subject, id, kind, data FROM events WHERE account = :account AND subject = :subject ORDER BY id

-- events --
-- Events of an account before one of them (:subject, :id), newest subject first, its last event first.
SELECT account, subject, id, kind, data FROM events
WHERE account = :account AND (subject, id) < (:subject, :id) ORDER BY subject DESC, id DESC LIMIT :limit

-- ledger_of_subject --
-- The money of one message, in order.
SELECT account, subject, kind, amount, at, note FROM ledger
WHERE account = :account AND subject = :subject ORDER BY at, kind DESC

-- messages --
-- An account's messages before an id, newest first.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages WHERE account = :account AND id < :before ORDER BY id DESC LIMIT :limit

-- newest_part --
-- The last message of an account that is in a part which can be searched; 0 without any.
SELECT coalesce(max(last), 0) FROM search_parts WHERE account = :account

-- nth_newest --
-- The message between :after and :before that :skip are newer than.
SELECT id FROM messages WHERE account = :account AND id > :after AND id < :before ORDER BY id DESC LIMIT 1 OFFSET :skip

-- scan_messages --
-- Messages of an account between :after and :before to one of :phones (a JSON list) or with a :reference, unless not :named, in a :state or in any (''), newest first.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages
WHERE account = :account AND id > :after AND id < :before
  AND (NOT :named OR phone IN (SELECT value FROM json_each(:phones)) OR (:reference <> '' AND reference = :reference))
  AND (:state = '' OR state = :state)
ORDER BY id DESC LIMIT :limit

-- forget_terms --
-- Let an account's messages be found by some terms (:terms, a JSON list) no more.
DELETE FROM search_terms WHERE part IN (SELECT last FROM search_parts WHERE account = :account)
  AND term IN (SELECT value FROM json_each(:terms))

-- codes_of_phone --
-- An account's live codes for a phone.
SELECT account, phone, purpose, verification, code_hash, attempts_left, expires_at, wrong_checks, kept_until, plan, progress,
       origin
FROM live_verifications WHERE account = :account AND phone = :phone ORDER BY purpose

-- guard_of_phone --
-- What the guard counts of a phone for an account.
SELECT account, subject, state, expires_at FROM guard_subjects
WHERE account = :account AND subject LIKE '%' || :phone ORDER BY subject

-- windows_of_phone --
-- What an account's windows count of a phone.
SELECT account, scope, subject, counters, expires_at FROM windows WHERE account = :account AND subject = :phone ORDER BY scope

-- named_messages --
-- Messages in parts between :after and :before that are found by one of :terms (a JSON list), newest first.
SELECT DISTINCT found.message FROM search_parts CROSS JOIN search_terms found ON found.part = search_parts.last
WHERE search_parts.account = :account AND search_parts.last > :after AND search_parts.first < :before
  AND found.term IN (SELECT value FROM json_each(:terms)) AND found.message > :after AND found.message < :before
ORDER BY found.message DESC LIMIT :limit

-- messages_of_ids --
-- Some messages (:ids, a JSON list) of an account, newest first.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages WHERE account = :account AND id IN (SELECT value FROM json_each(:ids)) ORDER BY id DESC

-- next_part --
-- An account's first messages between :after and :before, and what they are found by.
SELECT id, phone, reference FROM messages WHERE account = :account AND id > :after AND id < :before ORDER BY id LIMIT :limit

-- make_part --
-- Remember a part that can be searched.
INSERT INTO search_parts (account, last, first) VALUES (:account, :last, :first)

-- drop_oldest_part --
-- Forget an account's oldest part all of whose messages are older than :cut, and what they are found by.
DELETE FROM search_parts WHERE account = :account AND last = (
    SELECT min(last) FROM search_parts WHERE account = :account AND last < :cut
) RETURNING last

-- messages_together --
-- The messages of an account with ids from :first to before :before that were asked for together with :first, in order.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages WHERE account = :account AND id >= :first AND id < :before AND together = :first ORDER BY id LIMIT :limit

-- codes --
-- The newest messages with codes of an account and ids from :first to before :before, of one API and some categories (a JSON
-- list), and whether each code was verified.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template,
       EXISTS (SELECT 1 FROM events
               WHERE events.account = messages.account AND subject = verification AND kind = 'verified')
FROM messages
WHERE account = :account AND id >= :first AND id < :before AND verification <> 0 AND dialect = :dialect
  AND category IN (SELECT value FROM json_each(:categories))
ORDER BY id DESC LIMIT :limit

-- sent --
-- Messages of one channel of an account with ids from :first to before :before, of one API and some categories (a JSON list), in order.
SELECT account, id, dialect, channel, phone, sender, application, reference, client_ip, verification,
       code_expires_at, segments, period, unit_price, price, held, charged, talked_ms, state, reason, ended_at, ending,
       callback_url, together, category, campaign, resends, template
FROM messages
WHERE account = :account AND id >= :first AND id < :before AND channel = :channel AND dialect = :dialect
  AND category IN (SELECT value FROM json_each(:categories))
ORDER BY id LIMIT :limit OFFSET :skip

-- count_sent --
-- How many these are, at most :most.
SELECT count(*) FROM (
    SELECT 1 FROM messages
    WHERE account = :account AND id >= :first AND id < :before AND channel = :channel AND dialect = :dialect
      AND category IN (SELECT value FROM json_each(:categories))
    LIMIT :most
)

-- has_messages --
-- Whether one of some accounts (:accounts, a JSON list) has a message from :first to before :before.
SELECT EXISTS (
    SELECT 1 FROM json_each(:accounts) AS of_account CROSS JOIN messages m
    WHERE m.account = of_account.value AND m.id >= :first AND m.id < :before
)

-- count_messages --
-- Messages of some accounts (:accounts, a JSON list) from :first to before :before that are alike, with what became of them by :now; a prefix is a number :without some digits.
WITH told AS MATERIALIZED (
    SELECT m.account, m.id, m.channel, m.template, m.phone, m.state, m.charged, m.ended_at, m.code_expires_at,
        m.verification, m.verification = m.id AS begins,
        substr(m.phone, 1, max(length(m.phone) - :without, :shortest)) AS prefix,
        coalesce(l.carrier, '') AS carrier,
        CASE WHEN json_valid(coalesce(l.network, '')) THEN
            coalesce(json_extract(l.network, '$.operator'), json_extract(l.network, '$.mccmnc'), '')
        ELSE '' END AS network,
        coalesce(l.number, 0) AS attempts,
        coalesce(f.carrier, '') AS first_carrier, f.state AS first_state, f.ended_at - f.started_at AS first_ms,
        f.carrier IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM events WHERE account = m.account AND subject = m.id AND kind = 'guard'
        ) AS tried,
        CASE WHEN m.verification = 0 THEN 0 ELSE coalesce((
            SELECT min(events.id) FROM events
            WHERE account = m.account AND subject = m.verification AND kind = 'verified'
        ), 0) END AS verified_at
    FROM json_each(:accounts) of_account CROSS JOIN messages m
        ON m.account = of_account.value AND m.id >= :first AND m.id < :before
    LEFT JOIN attempts f ON f.account = m.account AND f.message = m.id AND f.number = 1
    LEFT JOIN attempts l ON l.account = m.account AND l.message = m.id AND l.number = (
        SELECT max(number) FROM attempts WHERE account = m.account AND message = m.id
    )
    WHERE m.state <> 'refused' AND m.reason <> 'sandbox' AND m.dialect <> 'operator'
), counted AS MATERIALIZED (
    SELECT *, verified_at > id AND NOT EXISTS (
        SELECT 1 FROM events WHERE account = told.account AND subject = told.verification
          AND events.id > told.id AND events.id < verified_at AND kind IN ('next channel', 'sent again')
    ) AS verified
    FROM told
)
SELECT account, channel, template, prefix, min(phone), carrier, network, first_carrier,
       count(*),
       count(*) FILTER (WHERE ended_at = 0 OR code_expires_at > :now),
       count(*) FILTER (WHERE state NOT IN ('accepted', 'failed')),
       count(*) FILTER (WHERE state = 'delivered'),
       count(*) FILTER (WHERE begins),
       count(*) FILTER (WHERE verified),
       sum(charged),
       sum(CASE WHEN verification = 0 THEN 0 ELSE charged END),
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

-- first_attempts --
-- An account's first attempts of first messages with codes from :first to before :before, in order, of which the guard found nothing.
SELECT m.id, m.channel, m.phone, f.carrier, f.why,
    EXISTS (
        SELECT 1 FROM events e WHERE e.account = m.account AND e.subject = m.id AND e.kind = 'verified'
          AND NOT EXISTS (
              SELECT 1 FROM events n WHERE n.account = m.account AND n.subject = m.id AND n.id < e.id
                AND n.kind IN ('next channel', 'sent again')
          )
    ) AND NOT EXISTS (SELECT 1 FROM attempts s WHERE s.account = m.account AND s.message = m.id AND s.number > 1)
FROM messages m JOIN attempts f ON f.account = m.account AND f.message = m.id AND f.number = 1
WHERE m.account = :account AND m.id >= :first AND m.id < :before AND m.verification = m.id AND m.dialect <> 'operator'
  AND m.phone <> '+0'
  AND NOT EXISTS (SELECT 1 FROM events g WHERE g.account = m.account AND g.subject = m.id AND g.kind = 'guard')
ORDER BY m.id LIMIT :limit

-- ledger --
-- An account's newest ledger entries behind one of them.
SELECT account, subject, kind, amount, at, note FROM ledger
WHERE account = :account AND subject <= :subject AND (subject < :subject OR kind > :kind)
ORDER BY subject DESC, kind LIMIT :limit

-- ledger_sum --
-- What an account's balance must be.
SELECT coalesce(sum(amount), 0) FROM ledger WHERE account = :account

-- inbox --
-- Inbox items of all phones after an id, newest first.
SELECT id, phone, channel, sender, content FROM inbox WHERE id > :after ORDER BY id DESC LIMIT :limit

-- inbox_phones --
-- The newest inbox item of each phone whose number has a part, newest first. Answered from the index of phones.
SELECT id, phone, channel, sender, content FROM inbox WHERE id IN (
    SELECT max(id) FROM inbox WHERE instr(phone, :part) > 0 GROUP BY phone ORDER BY 1 DESC LIMIT :limit
) ORDER BY id DESC

-- inbox_of_phone --
-- Inbox items of one phone after an id, newest first.
SELECT id, phone, channel, sender, content FROM inbox
WHERE phone = :phone AND id > :after ORDER BY id DESC LIMIT :limit
