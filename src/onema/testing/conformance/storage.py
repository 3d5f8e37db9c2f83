"""What every store must do, as tests. An engine's test module subclasses this and provides `storage`."""

import time
from collections.abc import Sequence

import msgspec
import pytest

from onema.domain.delivery.leave_job import LEFT_FOR_MS
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import (
    Attempt,
    Call,
    CarrierReference,
    DeadJob,
    DirectoryRevision,
    DirectoryRow,
    Event,
    InboxItem,
    Job,
    JobKind,
    Key,
    LedgerEntry,
    LiveVerification,
    Message,
    ProcessReport,
    RecentRefusals,
    Row,
    TopUp,
    Wallet,
    Window,
    column_types,
)
from onema.domain.request_key import RequestKey
from onema.domain.tables import TABLES
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import DataRejected, Storage

ACCOUNT = AccountId(7)


def sample(row_type: type[Row], number: int = 1) -> Row:
    """A row of any table, with a value of the right type in every column."""
    values = {str: f"text {number}", int: number, bytes: b"bytes", bool: False}
    return row_type(**{name: values[kind] for name, kind in column_types(row_type).items()})


def message(identifier: int, account: AccountId = ACCOUNT) -> Message:
    row = sample(Message, identifier)
    assert isinstance(row, Message)
    return msgspec.structs.replace(row, account=account, id=identifier)


def callback(identifier: int, account: AccountId, due_at: int) -> Job:
    return msgspec.structs.replace(job(identifier, due_at, JobKind.CALLBACK), account=account)


def job(identifier: int, due_at: int, kind: JobKind = JobKind.SMS) -> Job:
    return Job(
        id=identifier,
        kind=kind,
        account=ACCOUNT,
        message=MessageId(identifier),
        due_at=due_at,
        lease=0,
        attempt=0,
        in_flight=False,
        payload=b"",
    )


async def save(storage: Storage, *rows: Row, batch: int = 1) -> None:
    """Put rows in one batch."""
    await storage.begin([])
    await storage.commit(batch, {row.key: row for row in rows}, ())


async def insert(storage: Storage, *rows: Row, batch: int = 1) -> None:
    """Insert new rows in one batch."""
    await storage.begin([])
    await storage.commit(batch, {}, rows)


class StorageConformance:
    """Subclass with a fixture `storage` that is open and empty."""

    @pytest.mark.parametrize("row_type", TABLES, ids=lambda row_type: row_type.table)
    async def test_a_row_reads_back_as_it_was_inserted(self, storage: Storage, row_type: type[Row]) -> None:
        """Every column of every table keeps its value and type."""
        row = sample(row_type)
        await insert(storage, row)
        assert await storage.read([row.key]) == {row.key: row}

    @pytest.mark.parametrize("row_type", TABLES, ids=lambda row_type: row_type.table)
    async def test_putting_a_row_again_replaces_it(self, storage: Storage, row_type: type[Row]) -> None:
        """A written row takes the place of the one with its key."""
        first, second = sample(row_type), sample(row_type, 2)
        fields = row_type.__struct_fields__[: row_type.key_columns]
        second = msgspec.structs.replace(second, **{name: getattr(first, name) for name in fields})
        await save(storage, first)
        await save(storage, second, batch=2)
        assert await storage.read([first.key]) == {first.key: second}

    @pytest.mark.parametrize("row_type", TABLES, ids=lambda row_type: row_type.table)
    async def test_a_deleted_row_is_gone(self, storage: Storage, row_type: type[Row]) -> None:
        """Writing None deletes."""
        row = sample(row_type)
        await insert(storage, row)
        await storage.begin([row.key])
        await storage.commit(2, {row.key: None}, ())
        assert await storage.read([row.key]) == {}

    async def test_its_clock_is_this_machines_or_it_has_none(self, storage: Storage) -> None:
        """Nodes compare themselves with it, so it must be in the same unit and zone."""
        theirs = await storage.clock()
        assert theirs is None or abs(theirs - time.time() * 1000) < 10_000

    async def test_a_proof_that_it_can_be_written_changes_nothing(self, storage: Storage) -> None:
        """It is asked again and again while a store comes back, and batches go on after it."""
        await insert(storage, Wallet(AccountId(1), Minor(10)))
        await storage.prove_writable()
        await storage.prove_writable()
        assert await storage.read([(Wallet, 1)]) == {(Wallet, 1): Wallet(AccountId(1), Minor(10))}
        await save(storage, Wallet(AccountId(1), Minor(11)), batch=2)
        assert await storage.read([(Wallet, 1)]) == {(Wallet, 1): Wallet(AccountId(1), Minor(11))}

    async def test_begin_loads_the_rows_that_exist(self, storage: Storage) -> None:
        """Missing keys are left out."""
        await insert(storage, Wallet(AccountId(1), Minor(10)), Wallet(AccountId(2), Minor(20)))
        keys: Sequence[Key] = [(Wallet, 1), (Wallet, 2), (Wallet, 3)]
        assert await storage.begin(keys) == {
            (Wallet, 1): Wallet(AccountId(1), Minor(10)),
            (Wallet, 2): Wallet(AccountId(2), Minor(20)),
        }
        await storage.abort()

    async def test_an_aborted_batch_leaves_nothing(self, storage: Storage) -> None:
        """After abort the next batch starts from what was committed."""
        await storage.begin([(Wallet, 1)])
        await storage.abort()
        await save(storage, Wallet(AccountId(1), Minor(5)))
        assert await storage.read([(Wallet, 1)]) == {(Wallet, 1): Wallet(AccountId(1), Minor(5))}

    async def test_inserting_a_row_twice_is_refused_and_saves_nothing(self, storage: Storage) -> None:
        """One bad row takes its whole batch back, and the store goes on."""
        entry = LedgerEntry(ACCOUNT, 1, "hold", Minor(-5), 0, "")
        await insert(storage, entry)
        await storage.begin([])
        with pytest.raises(DataRejected):
            await storage.commit(2, {(Wallet, 1): Wallet(AccountId(1), Minor(5))}, [entry])
        assert await storage.read([(Wallet, 1)]) == {}
        await save(storage, Wallet(AccountId(1), Minor(6)), batch=3)
        assert await storage.read([(Wallet, 1)]) == {(Wallet, 1): Wallet(AccountId(1), Minor(6))}

    async def test_rows_handed_over_early_are_saved_with_their_batch(self, storage: Storage) -> None:
        """Nobody sees them before its commit, and nothing of them stays when it is aborted."""
        first, second, third = (message(number) for number in (1, 2, 3))
        await storage.begin([])
        await storage.insert([first, job(1, due_at=100)])
        assert await storage.read([first.key]) == {}
        await storage.abort()
        await storage.begin([])
        await storage.insert([second])
        await storage.insert([])
        await storage.commit(2, {}, [third])
        keys = [first.key, second.key, third.key]
        assert await storage.read(keys) == {second.key: second, third.key: third}
        assert await storage.lease_jobs(now=300, until=400, limit=10) == []

    async def test_a_row_handed_over_early_that_is_refused_takes_its_batch_back(
        self, storage: Storage
    ) -> None:
        """Whether the batch is then committed or aborted, the store goes on."""
        entry = LedgerEntry(ACCOUNT, 1, "hold", Minor(-5), 0, "")
        await insert(storage, entry)
        await storage.begin([])
        await storage.insert([entry])
        with pytest.raises(DataRejected):
            await storage.commit(2, {(Wallet, 1): Wallet(AccountId(1), Minor(5))}, [message(1)])
        await storage.begin([(Wallet, 1)])
        await storage.insert([entry])
        await storage.abort()
        await save(storage, Wallet(AccountId(1), Minor(6)), batch=3)
        assert await storage.read([(Wallet, 1), message(1).key]) == {
            (Wallet, 1): Wallet(AccountId(1), Minor(6))
        }

    async def test_every_writer_may_have_a_batch_in_flight(self, storage: Storage) -> None:
        """They begin, save and end in any order, and know of their own rows only."""
        writers = [storage, *storage.other_writers]
        wallets = [Wallet(AccountId(number), Minor(5)) for number in range(len(writers))]
        for writer, wallet in zip(writers, wallets, strict=True):
            assert await writer.begin([wallet.key]) == {}
            await writer.insert([message(1 + wallet.account)])
        for number, (writer, wallet) in enumerate(zip(writers[::-1], wallets[::-1], strict=True)):
            await writer.commit(1 + number, {wallet.key: wallet}, [message(100 + wallet.account)])
        assert set((await storage.read([wallet.key for wallet in wallets])).values()) == set(wallets)
        assert len(await storage.read_messages(ACCOUNT, 1_000, 100)) == 2 * len(writers)

    async def test_due_jobs_are_leased_once(self, storage: Storage) -> None:
        """A leased job is not due again before its lease ends; then its lease number has grown."""
        await insert(storage, job(1, due_at=100), job(2, due_at=200), job(3, due_at=301))
        leased = await storage.lease_jobs(now=300, until=400, limit=10)
        assert [(found.id, found.lease, found.due_at) for found in leased] == [(1, 1, 400), (2, 1, 400)]
        assert [found.id for found in await storage.lease_jobs(now=399, until=500, limit=10)] == [3]
        again = await storage.lease_jobs(now=400, until=500, limit=10)
        assert [(found.id, found.lease) for found in again] == [(1, 2), (2, 2)]

    async def test_the_longest_due_job_is_leased_first(self, storage: Storage) -> None:
        """A limit takes the oldest."""
        await insert(storage, job(1, due_at=300), job(2, due_at=100), job(3, due_at=200))
        assert [found.id for found in await storage.lease_jobs(now=999, until=2000, limit=2)] == [2, 3]

    async def test_only_jobs_of_the_wanted_kinds_are_leased(self, storage: Storage) -> None:
        """Longer due ones of other kinds are passed by, also when the limit is small."""
        await insert(
            storage, job(1, 100, JobKind.CALL), job(2, 200), job(3, 300, JobKind.SETTLE), job(4, 400)
        )
        leased = await storage.lease_jobs(999, 2000, 2, {JobKind.SMS, JobKind.SETTLE})
        assert [found.id for found in leased] == [2, 3]
        assert [found.id for found in await storage.lease_jobs(999, 2000, 2, {JobKind.CALL})] == [1]

    async def test_jobs_left_for_carriers_elsewhere_are_passed_over(self, storage: Storage) -> None:
        """By those that do not run the carrier, and only for a while; all others take them as before."""
        left = [
            msgspec.structs.replace(job(n, due_at=100), carrier=name) for n, name in enumerate("ab", start=1)
        ]
        await insert(storage, *left, job(3, due_at=200))
        found = await storage.lease_jobs(now=200, until=100_000, limit=10, elsewhere=["a", "c"])
        assert [(each.id, each.carrier) for each in found] == [(2, "b"), (3, "")]
        late = 100 + LEFT_FOR_MS
        assert await storage.lease_jobs(now=late - 1, until=100_000, limit=10, elsewhere=["a"]) == []
        (found_late,) = await storage.lease_jobs(now=late, until=100_000, limit=10, elsewhere=["a"])
        assert (found_late.id, found_late.carrier, found_late.lease) == (1, "a", 1)

    async def test_a_job_that_waits_for_several_carriers_goes_to_whoever_has_one_of_them(
        self, storage: Storage
    ) -> None:
        """It is passed over only where none of them can send; a name is no part of another name."""
        await insert(storage, msgspec.structs.replace(job(1, due_at=100), carrier="a,b-2"))
        for elsewhere in (["a", "b-2"], ["b-2", "c", "a"]):
            assert await storage.lease_jobs(now=200, until=300, limit=10, elsewhere=elsewhere) == []
        for lease, elsewhere in enumerate((["a"], ["b-2", "b"], ["a", "b"], ["a,b-2"], []), start=1):
            now = 200 + 1_000 * lease
            (found,) = await storage.lease_jobs(now, now + 1_000, 10, elsewhere=elsewhere)
            assert (found.carrier, found.lease) == ("a,b-2", lease)

    async def test_what_processes_say_is_read_together_and_forgotten_in_time(self, storage: Storage) -> None:
        """By their names; of one that renews nothing any more, nothing is kept."""
        await insert(storage, ProcessReport("b", 1, 100, "[]"), ProcessReport("a", 2, 200, "[1]"))
        assert [one.process for one in await storage.read_process_reports()] == ["a", "b"]
        assert await storage.sweep(100, 10) == 1
        (left,) = await storage.read_process_reports()
        assert left == ProcessReport("a", 2, 200, "[1]")

    async def test_callbacks_are_leased_by_those_who_share_them_out(self, storage: Storage) -> None:
        """No other lease takes one, nor does theirs take another kind; a leased one is not due again before its end."""
        await insert(storage, job(1, 100), job(2, 100, JobKind.CALLBACK), job(3, 301, JobKind.CALLBACK))
        assert [found.id for found in await storage.lease_jobs(now=300, until=400, limit=10)] == [1]
        leased = await storage.lease_callbacks(now=300, until=400, limit=10, share=10)
        assert [(found.id, found.lease, found.due_at) for found in leased] == [(2, 1, 400)]
        assert await storage.lease_callbacks(now=300, until=400, limit=10, share=10) == []
        again = await storage.lease_callbacks(now=400, until=500, limit=10, share=10)
        assert [(found.id, found.lease) for found in again] == [(2, 2), (3, 1)]

    async def test_each_account_has_its_share_of_the_callbacks(self, storage: Storage) -> None:
        """However many others wait, and since when: the longest due of each, and none of those that have enough."""
        waiting = [
            callback(1_000 * account + n, AccountId(account), 100 + n)
            for account in (1, 2, 3)
            for n in range(50)
        ]
        late = callback(9_000, account=AccountId(9), due_at=999)
        await insert(storage, *waiting, late)
        leased = await storage.lease_callbacks(999, 2_000, limit=10, share=2, full=[2])
        assert [found.id for found in leased] == [1_000, 1_001, 3_000, 3_001, 9_000]
        (first,) = await storage.lease_callbacks(999, 2_000, limit=1, share=2)
        assert first.id == 2_000

    async def test_dead_jobs_are_listed_newest_first(self, storage: Storage) -> None:
        """And kept no longer than messages are."""
        moments = [
            first_id_at(time_ms) for time_ms in (1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000)
        ]
        dead = [
            DeadJob(each, 5, JobKind.CALLBACK, ACCOUNT, MessageId(5), 3, 2, "HTTP 400") for each in moments
        ]
        await insert(storage, *dead)
        assert await storage.read_dead_jobs(before=2**63 - 1, limit=2) == [dead[2], dead[1]]
        assert await storage.read_dead_jobs(before=moments[1], limit=2) == [dead[0]]
        await storage.drop_older_than(1_700_000_001_000, 100)
        assert await storage.read_dead_jobs(before=2**63 - 1, limit=10) == [dead[2], dead[1]]

    async def test_the_longest_due_job_of_each_kind_is_told(self, storage: Storage) -> None:
        """Of what is due now, callbacks of all accounts among it; a backlog is looked at no further than asked."""
        jobs = (
            (JobKind.SMS, 1, 40),
            (JobKind.SMS, 1, 30),
            (JobKind.SETTLE, 1, 101),
            (JobKind.CALL, 1, 100),
            (JobKind.CALLBACK, 1, 90),
            (JobKind.CALLBACK, 2, 20),
            (JobKind.CALLBACK, 3, 200),
        )
        await insert(
            storage,
            *(
                msgspec.structs.replace(job(number, due_at, kind), account=account)
                for number, (kind, account, due_at) in enumerate(jobs, 1)
            ),
        )
        assert await storage.oldest_due(100, 10) == {"sms": 30, "call": 100, "callback": 20}
        assert (await storage.oldest_due(100, 2)).get("sms") == 30
        assert await storage.oldest_due(10, 10) == {}

    async def test_sweeping_deletes_what_has_expired(self, storage: Storage) -> None:
        """At its expiry a row of the live tables goes; others stay, also a phone's with wrong checks that count."""
        old = LiveVerification(ACCOUNT, Phone("+84901888484"), "code", 1, b"h", 5, expires_at=100)
        young = LiveVerification(ACCOUNT, Phone("+84901888485"), "code", 2, b"h", 5, expires_at=101)
        window = Window(ACCOUNT, "phone", "+84901888484", "60:0:1", expires_at=50)
        reference = CarrierReference("c", "r", ACCOUNT, MessageId(1), 1, expires_at=50)
        named = RequestKey(ACCOUNT, "order-1", "d", MessageId(1), expires_at=100)
        expired = (old, window, reference, named, RecentRefusals(ACCOUNT, 1, "[]", expires_at=100))
        tried = LiveVerification(ACCOUNT, Phone("+84901888486"), "code", 3, b"h", 5, 100, "60:50:1", 110)
        await insert(storage, young, tried, *expired)
        assert await storage.sweep(now=100, limit=10) == len(expired)
        left = await storage.read([young.key, tried.key, *(row.key for row in expired)])
        assert set(left) == {young.key, tried.key}
        assert await storage.sweep(now=110, limit=10) == len(left)

    async def test_receipts_that_nobody_s_name_matches_are_listed_and_bounded(self, storage: Storage) -> None:
        """Newest first, of one carrier or of all; names of ours are not among them."""
        named = CarrierReference(
            "a", "ours", ACCOUNT, MessageId(1), 1, expires_at=90, received_at=99, receipt="{}"
        )
        kept = [
            CarrierReference(
                carrier, f"r{at}", AccountId(0), MessageId(0), 0, expires_at=90, received_at=at, receipt="{}"
            )
            for at, carrier in enumerate("abab", 1)
        ]
        await insert(storage, named, *kept)
        assert list(await storage.read_unmatched_receipts("", 9)) == kept[::-1]
        assert list(await storage.read_unmatched_receipts("b", 1)) == [kept[3]]
        assert await storage.trim_unmatched_receipts(keep=3) == 1
        assert await storage.trim_unmatched_receipts(keep=3) == 0
        assert list(await storage.read_unmatched_receipts("", 9)) == kept[:0:-1]
        assert await storage.read([named.key]) == {named.key: named}

    async def test_the_inbox_keeps_the_newest(self, storage: Storage) -> None:
        """Trimming goes by count and by age."""
        await insert(
            storage,
            *(
                InboxItem(MessageId(number), Phone("+84901888484"), "sms", "s", b"c")
                for number in range(1, 11)
            ),
        )
        assert await storage.trim_inbox(keep=5, oldest=0) == 5
        assert await storage.trim_inbox(keep=5, oldest=9) == 3
        assert [item.id for item in await storage.read_inbox(None, 0, 100)] == [10, 9]
        assert await storage.trim_inbox(keep=5, oldest=0) == 0

    async def test_the_inbox_lists_its_phones(self, storage: Storage) -> None:
        """Each once, by its newest item, whatever the others received; of a part of a number, or of "" all."""
        phones = {**dict.fromkeys(range(1, 9), "+84901888484"), 9: "+84901888485", 20: "+8613800138000"}
        await insert(
            storage, *(InboxItem(MessageId(n), Phone(phone), "sms", "s", b"c") for n, phone in phones.items())
        )

        async def listed(part: str, limit: int = 9) -> list[tuple[int, str]]:
            return [(item.id, item.phone) for item in await storage.read_inbox_phones(part, limit)]

        assert await listed("") == [(20, "+8613800138000"), (9, "+84901888485"), (8, "+84901888484")]
        assert await listed("8848") == [(9, "+84901888485"), (8, "+84901888484")]
        assert await listed("", 1) == [(20, "+8613800138000")]
        assert await listed("%") == []

    async def test_the_inbox_is_read_by_phone_and_from_an_item_on(self, storage: Storage) -> None:
        """Newest first, after a given item, for one phone or all."""
        phones = ("+84901888484", "+84901888485")
        await insert(
            storage, *(InboxItem(MessageId(n), Phone(phones[n % 2]), "sms", "s", b"c") for n in range(1, 7))
        )
        assert [item.id for item in await storage.read_inbox(Phone(phones[0]), 0, 100)] == [6, 4, 2]
        assert [item.id for item in await storage.read_inbox(None, 3, 2)] == [6, 5]

    async def test_a_message_tells_its_whole_story(self, storage: Storage) -> None:
        """Attempts, events and money come with the message, in order of time."""
        attempts = [Attempt(ACCOUNT, MessageId(5), n, "c", "", "started", "", "", n, 0) for n in (1, 2)]
        events = [Event(ACCOUNT, 5, n, "wrong code", "") for n in (11, 12)]
        hold = LedgerEntry(ACCOUNT, 5, "hold", Minor(-8), 1, "")
        release = LedgerEntry(ACCOUNT, 5, "release", Minor(3), 2, "")
        other = Event(ACCOUNT, 6, 13, "wrong code", "")
        await insert(storage, message(5), *attempts, *events, hold, release, other)
        story = await storage.read_story(ACCOUNT, MessageId(5))
        assert story is not None
        assert story.message == message(5)
        assert (list(story.attempts), list(story.events), list(story.ledger)) == (
            attempts,
            events,
            [hold, release],
        )
        assert await storage.read_story(AccountId(ACCOUNT + 1), MessageId(5)) is None

    async def test_messages_are_listed_newest_first(self, storage: Storage) -> None:
        """One account's messages, page by page."""
        await insert(storage, *(message(n) for n in range(1, 6)), message(9, account=AccountId(ACCOUNT + 1)))
        assert [row.id for row in await storage.read_messages(ACCOUNT, before=5, limit=3)] == [4, 3, 2]

    async def test_the_ledger_is_listed_and_summed(self, storage: Storage) -> None:
        """The sum over all entries is what the balance must be."""
        top_up = LedgerEntry(ACCOUNT, 1, "top_up", Minor(100), 1, "first")
        hold = LedgerEntry(ACCOUNT, 2, "hold", Minor(-30), 2, "")
        await insert(storage, top_up, hold, LedgerEntry(AccountId(ACCOUNT + 1), 3, "top_up", Minor(5), 3, ""))
        assert list(await storage.read_ledger(ACCOUNT, 10)) == [hold, top_up]
        assert await storage.ledger_sum(ACCOUNT) == 70
        assert await storage.ledger_sum(AccountId(ACCOUNT + 9)) == 0

    async def test_what_is_old_is_forgotten_and_the_ledger_keeps_its_sum(self, storage: Storage) -> None:
        """A closing entry stands for what was dropped, however often; what is young stays whole."""
        day = 86_400_000
        now = 1_800_000_000_000
        old, young = first_id_at(now - 100 * day), first_id_at(now - day)
        await storage.maintain(now)
        await save(storage, Wallet(ACCOUNT, Minor(60)))
        await insert(
            storage,
            *(message(identifier) for identifier in (old, old + 1, young)),
            *(
                Attempt(ACCOUNT, MessageId(identifier), 1, "c", "", "started", "", "", 1, 0)
                for identifier in (old, young)
            ),
            *(Call(ACCOUNT, MessageId(identifier), 1, "c", "ended", 1) for identifier in (old, young)),
            *(Event(ACCOUNT, identifier, identifier, "verified", "") for identifier in (old, young)),
            LedgerEntry(ACCOUNT, old, "top_up", Minor(100), 1, ""),
            LedgerEntry(ACCOUNT, old + 1, "hold", Minor(-30), 2, ""),
            LedgerEntry(ACCOUNT, young, "hold", Minor(-10), 3, ""),
            batch=2,
        )
        assert await storage.drop_older_than(now - 200 * day, 100) == 0
        while await storage.drop_older_than(now - 50 * day, 2):
            pass
        assert [row.id for row in await storage.read_messages(ACCOUNT, 2**63 - 1, 10)] == [young]
        assert await storage.read_story(ACCOUNT, MessageId(old)) is None
        assert await storage.ledger_sum(ACCOUNT) == 60
        entries = await storage.read_ledger(ACCOUNT, 10)
        assert [(entry.kind, entry.amount) for entry in entries] == [("hold", -10), ("closing", 70)]
        story = await storage.read_story(ACCOUNT, MessageId(young))
        assert story is not None
        assert (len(story.attempts), len(story.events), len(story.ledger)) == (1, 1, 1)
        assert [row.message for row in await storage.read_calls(ACCOUNT, 2**63 - 1, 10)] == [young]

    async def test_listening_can_be_ended(self, storage: Storage) -> None:
        """Whether there is anybody to hear or not."""
        subscription = await storage.listen(lambda: None, lambda: None)
        await subscription.close()

    async def test_the_directory_is_read_as_of_one_moment(self, storage: Storage) -> None:
        """The revision belongs to the rows that come with it."""
        assert await storage.read_directory() == (0, [])
        row = DirectoryRow("account", "acme", 3, b"{}")
        await save(storage, DirectoryRevision("directory", 3), row, TopUp(ACCOUNT, "r", 1, Minor(5)))
        assert await storage.read_directory() == (3, [row])

    async def test_what_changed_of_the_directory_is_read_as_of_one_moment(self, storage: Storage) -> None:
        """Who knew a revision hears what was made, changed and removed since, and nothing of the rest."""
        rows = [DirectoryRow("account", name, 1, b"{}") for name in ("changed", "gone", "same")]
        await save(storage, DirectoryRevision("directory", 1), *rows)
        known = {(row.kind, row.name) for row in rows}
        changes = await storage.read_directory_changes(1, known)
        assert (changes.revision, list(changes.rows), list(changes.gone)) == (1, [], [])
        new = [DirectoryRow("account", name, 2, b"[]") for name in ("changed", "new")]
        await save(storage, DirectoryRevision("directory", 2), *new, batch=2)
        changes = await storage.read_directory_changes(1, known)
        assert (changes.revision, sorted(changes.rows, key=lambda row: row.name)) == (2, new)
        assert not changes.gone
        await storage.begin([rows[1].key])
        await storage.commit(9, {rows[1].key: None}, ())
        changes = await storage.read_directory_changes(1, known)
        assert set(changes.gone) == {("account", "gone")}
        nothing_known = await storage.read_directory_changes(0, ())
        assert {row.name for row in nothing_known.rows} == {"changed", "new", "same"}

    async def test_jobs_that_are_due_too_late_can_be_brought_forward(self, storage: Storage) -> None:
        """Those of one kind; the others, and those that are due in time, stay."""
        late, in_time, other = job(1, 9_000), job(2, 5_000), job(3, 9_000, JobKind.SETTLE)
        await insert(storage, late, in_time, other)
        assert await storage.bring_forward(JobKind.SMS, 5_000, 100) == 1
        found = await storage.read([late.key, in_time.key, other.key])
        assert [row.due_at for row in found.values() if isinstance(row, Job)] == [100, 5_000, 9_000]

    async def test_what_expires_too_late_is_counted(self, storage: Storage) -> None:
        """Windows and codes, each after a moment of its own."""
        windows = [Window(ACCOUNT, "phone", str(at), "", at) for at in (100, 200, 300)]
        code = LiveVerification(ACCOUNT, Phone("+84901888484"), "code", 1, b"h", 5, 200)
        await insert(storage, *windows, code)
        assert await storage.expire_after(100, 200) == (2, 0)
        assert await storage.expire_after(300, 199) == (0, 1)
