"""How a store lists what customers and operators ask for, as tests, beside those of storage.py."""

from collections.abc import Sequence

from msgspec.structs import replace

from onema.domain.audit import AuditEntry
from onema.domain.door_rows import Invitation, LoginTries, UserAccess
from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.live_figures import LiveFigures
from onema.domain.records import Attempt, Call, Channel, Event, LedgerEntry, Message, Wallet
from onema.domain.server_keys.rows import NodeKeys
from onema.domain.values.money import Minor
from onema.storage.contract import CodesBetween, SentBetween, SentPage, Storage
from onema.testing.conformance.storage import ACCOUNT, insert, message, sample

ALL = SentBetween(first=1, before=100, dialect="esms", categories=("", "2"), skip=0, limit=10, most=100)


def sms(identifier: int, category: str = "") -> Message:
    return replace(message(identifier), channel=Channel.SMS, dialect="esms", category=category)


def ids(messages: Sequence[Message]) -> list[int]:
    return [row.id for row in messages]


class StorageLists:
    """Subclass with a fixture `storage` that is open and empty."""

    async def test_the_ledger_is_listed_page_by_page(self, storage: Storage) -> None:
        """A page may end between two entries of one subject, and the next goes on there."""
        entries = [
            LedgerEntry(ACCOUNT, subject, kind, Minor(subject), subject, "")
            for subject in (3, 2, 1)
            for kind in ("capture", "hold")
        ]
        await insert(storage, *entries, LedgerEntry(AccountId(ACCOUNT + 1), 2, "hold", Minor(5), 3, ""))
        first = list(await storage.read_ledger(ACCOUNT, 3))
        second = list(await storage.read_ledger(ACCOUNT, 3, (2, "capture")))
        assert (first, second) == (entries[:3], entries[3:])
        assert list(await storage.read_ledger(ACCOUNT, 3, (1, "hold"))) == []

    async def test_messages_that_were_asked_for_together_are_found_from_the_first(
        self, storage: Storage
    ) -> None:
        """In order; neither what came between them nor what is another account's, nor beyond where to look."""
        together = [replace(message(number), together=5) for number in (5, 7, 9)]
        other = replace(message(6, AccountId(ACCOUNT + 1)), together=5)
        await insert(storage, *together, other, message(6), replace(message(8), together=8))
        found = await storage.read_messages_together(ACCOUNT, MessageId(5), 100, 10)
        assert list(found) == together
        assert ids(await storage.read_messages_together(ACCOUNT, MessageId(5), 9, 10)) == [5, 7]
        assert ids(await storage.read_messages_together(ACCOUNT, MessageId(5), 100, 1)) == [5]
        assert ids(await storage.read_messages_together(ACCOUNT, MessageId(4), 100, 10)) == []

    async def test_what_the_guard_counts_is_kept_until_it_expires(self, storage: Storage) -> None:
        """Any bytes, by the account and the subject."""
        kept = GuardSubject(ACCOUNT, "codes VN", bytes(range(256)), 101)
        await insert(storage, kept, GuardSubject(ACCOUNT, "codes LA", b"", 100))
        assert await storage.sweep(now=100, limit=10) == 1
        assert await storage.read([kept.key]) == {kept.key: kept}

    async def test_sent_messages_are_listed_with_their_number(self, storage: Storage) -> None:
        """Those of one channel, one API and some categories, in order of time; a page may begin anywhere."""
        call = replace(sms(4), channel=Channel.CALL)
        other_api, other_account = replace(sms(5), dialect="x"), replace(sms(6), account=ACCOUNT + 1)
        await insert(storage, sms(3, "2"), sms(1), sms(2, "8"), call, other_api, other_account)
        assert await storage.read_sent(ACCOUNT, ALL) == SentPage(2, [sms(1), sms(3, "2")])
        assert await storage.read_sent(ACCOUNT, replace(ALL, channel=Channel.CALL)) == SentPage(1, [call])
        assert ids((await storage.read_sent(ACCOUNT, replace(ALL, skip=1))).messages) == [3]
        assert await storage.read_sent(ACCOUNT, replace(ALL, skip=2)) == SentPage(2, [])
        assert ids((await storage.read_sent(ACCOUNT, replace(ALL, categories=("8",)))).messages) == [2]
        assert await storage.read_sent(ACCOUNT, replace(ALL, categories=())) == SentPage(0, [])

    async def test_sent_messages_are_looked_for_between_two_ids(self, storage: Storage) -> None:
        """The first belongs to it, the last does not."""
        await insert(storage, *(sms(number) for number in range(1, 6)))
        page = await storage.read_sent(ACCOUNT, replace(ALL, first=2, before=5))
        assert (page.total, ids(page.messages)) == (3, [2, 3, 4])

    async def test_sent_messages_are_counted_so_far(self, storage: Storage) -> None:
        """Nobody waits until millions are counted."""
        await insert(storage, *(sms(number) for number in range(1, 6)))
        page = await storage.read_sent(ACCOUNT, replace(ALL, limit=2, most=3))
        assert (page.total, ids(page.messages)) == (3, [1, 2])

    async def test_codes_are_listed_newest_first_with_what_became_of_them(self, storage: Storage) -> None:
        """Of one API and some categories, between two ids; a verification's every message, and no other message."""
        messages = [
            replace(sms(number, "2"), verification=first) for number, first in ((1, 1), (2, 2), (3, 1))
        ]
        events = (
            Event(ACCOUNT, 1, 9, "verified", ""),
            Event(ACCOUNT, 2, 10, "wrong code", ""),
            Event(AccountId(ACCOUNT + 1), 2, 11, "verified", ""),
        )
        plain = replace(sms(4, "2"), verification=0)
        await insert(storage, *messages, plain, replace(sms(5, "8"), verification=5), *events)
        asked = CodesBetween(1, 6, sms(1).dialect, ("2",), 10)
        found = await storage.read_codes(ACCOUNT, asked)
        assert [(one.message.id, one.verified) for one in found] == [(3, True), (2, False), (1, True)]
        assert found[0].message == messages[2]
        one = await storage.read_codes(ACCOUNT, replace(asked, first=2, before=3))
        assert [each.message.id for each in one] == [2]
        assert len(await storage.read_codes(ACCOUNT, replace(asked, limit=2))) == 2
        assert list(await storage.read_codes(ACCOUNT, replace(asked, categories=()))) == []

    async def test_events_are_listed_by_subject_newest_first(self, storage: Storage) -> None:
        """Page by page, also where a page ends between two events of one subject; one account's alone."""
        events = [
            Event(ACCOUNT, subject, number, "callback", "")
            for subject, number in ((5, 9), (5, 8), (4, 12), (4, 11), (4, 7))
        ]
        await insert(storage, *reversed(events), Event(AccountId(ACCOUNT + 1), 5, 10, "callback", ""))
        assert list(await storage.read_events(ACCOUNT, (2**63 - 1, 2**63 - 1), 3)) == events[:3]
        assert list(await storage.read_events(ACCOUNT, (4, 12), 3)) == events[3:]
        assert list(await storage.read_events(ACCOUNT, (4, 7), 3)) == []

    async def test_calls_are_listed_newest_message_first_without_their_traces(self, storage: Storage) -> None:
        """One account's calls, each message's in order, page by page; their message's story has the traces."""
        others = Call(AccountId(ACCOUNT + 1), MessageId(9), 1, "c", "ended", 1)
        await insert(
            storage,
            *(Call(ACCOUNT, MessageId(m), n, "c", "ended", 1, trace=b"t") for m in (1, 2, 3) for n in (1, 2)),
            others,
            message(3),
        )
        story = await storage.read_story(ACCOUNT, MessageId(3))
        assert story is not None
        assert [(row.attempt, row.trace) for row in story.calls] == [(1, b"t"), (2, b"t")]
        found = await storage.read_calls(ACCOUNT, before=3, limit=3)
        assert [(row.message, row.attempt, row.trace) for row in found] == [
            (2, 1, b""),
            (2, 2, b""),
            (1, 1, b""),
        ]

    async def test_an_account_s_ended_messages_are_forgotten_and_its_money_is_not(
        self, storage: Storage
    ) -> None:
        """A few at a time, with all that belongs to them; of no other account, and none that is still under way."""
        day = 86_400_000
        now = 1_750_000_000_000
        old, young = first_id_at(now - 10 * day), first_id_at(now)
        other = AccountId(ACCOUNT + 1)
        messages = [replace(message(number), ended_at=1) for number in (old, old + 1, old + 3, young)]
        messages += [replace(message(old + 2), ended_at=0), replace(message(old), account=other, ended_at=1)]
        await storage.maintain(now - 10 * day)
        await insert(
            storage,
            Wallet(ACCOUNT, Minor(0)),
            *messages,
            *(
                row
                for one in messages
                for row in (
                    Attempt(one.account, one.id, 1, "c", "", "started", "", "", 1, 0),
                    Call(one.account, one.id, 1, "c", "ended", 1),
                    Event(one.account, one.id, one.id, "verified", ""),
                    LedgerEntry(one.account, one.id, "hold", Minor(-10), 3, ""),
                )
            ),
        )
        moment = now - 9 * day
        assert await storage.forget_ended(ACCOUNT, now - 20 * day, 2) == 0
        assert [await storage.forget_ended(ACCOUNT, moment, 2) for _ in range(3)] == [2, 1, 0]
        left = [row.id for row in await storage.read_messages(ACCOUNT, 2**63 - 1, 10)]
        assert left == [young, old + 2]
        assert {row.message for row in await storage.read_calls(ACCOUNT, 2**63 - 1, 10)} == set(left)
        assert {
            row.subject for row in await storage.read_after(Event, None, 10) if row.account == ACCOUNT
        } == {*left}
        assert {row.message for row in await storage.read_after(Attempt, None, 10)} == {old, *left}
        assert await storage.ledger_sum(ACCOUNT) == -50
        assert len(await storage.read_ledger(ACCOUNT, 10)) == 5
        theirs = await storage.read_story(other, MessageId(old))
        assert theirs is not None
        assert (len(theirs.attempts), len(theirs.calls), len(theirs.events)) == (1, 1, 1)

    async def test_live_figures_are_read_from_a_slot_on_and_forgotten_in_time(self, storage: Storage) -> None:
        """Those of all processes, oldest first."""
        rows = [LiveFigures(*key, 100 * key[0], "{}") for key in ((1, "a"), (2, "a"), (2, "b"), (3, "a"))]
        await insert(storage, *rows[::-1])
        assert await storage.read_live_figures(2) == rows[1:]
        assert await storage.sweep(200, 10) == 3
        assert await storage.read_live_figures(0) == rows[3:]

    async def test_a_table_is_read_through_in_the_order_of_its_keys(self, storage: Storage) -> None:
        """In pages, each behind the last row of the one before; whatever the columns of the key are."""
        rows = [
            replace(sample(Event), account=account, subject=subject, id=number)
            for account, subject, number in ((1, 5, 1), (1, 5, 2), (1, 6, 1), (2, 1, 9))
        ]
        keys = [NodeKeys(name, 1, end, 7, "7", "") for name, end in (("a", 100), ("b", 101))]
        await insert(storage, *rows[::-1], *keys)
        assert list(await storage.read_after(Event, None, 3)) == rows[:3]
        assert list(await storage.read_after(Event, rows[1].key, 3)) == rows[2:]
        assert list(await storage.read_after(Event, rows[3].key, 3)) == []
        assert list(await storage.read_after(NodeKeys, None, 1)) == keys[:1]
        assert await storage.sweep(100, 10) == 1
        assert list(await storage.read_after(NodeKeys, None, 5)) == keys[1:]

    async def test_the_audit_log_is_listed_newest_first(self, storage: Storage) -> None:
        """Of one account by its name or of all, before an entry."""
        entries = [
            replace(sample(AuditEntry), id=number, part=part, account=account)
            for number, part, account in ((5, 0, "acme"), (5, 1, "rival"), (7, 0, "acme"), (9, 0, ""))
        ]
        await insert(storage, *entries)
        end = (2**63 - 1, 2**63 - 1)
        assert await storage.read_audit(None, end, 10) == entries[::-1]
        assert await storage.read_audit(None, (7, 0), 10) == [entries[1], entries[0]]
        assert await storage.read_audit(None, (5, 1), 10) == [entries[0]]
        assert await storage.read_audit("acme", end, 1) == [entries[2]]
        assert await storage.read_audit("acme", (7, 0), 10) == [entries[0]]
        assert await storage.read_audit("", end, 10) == [entries[3]]

    async def test_open_invitations_are_listed_until_they_are_swept(self, storage: Storage) -> None:
        """Newest first, of one account or of all."""
        ours, theirs, old = (
            Invitation(f"d{at}", "", "admin", account, "lan", made_at=at, expires_at=100 * at)
            for at, account in ((3, "acme"), (2, "shop"), (1, "acme"))
        )
        await insert(storage, old, ours, theirs)
        assert list(await storage.read_invitations("", 10)) == [ours, theirs, old]
        assert list(await storage.read_invitations("acme", 10)) == [ours, old]
        assert list(await storage.read_invitations("acme", 1)) == [ours]
        tries = [LoginTries("address", str(end), 1, 1, end) for end in (100, 101)]
        await insert(storage, *tries, UserAccess("lan", b"{}"), batch=2)
        assert await storage.sweep(now=100, limit=10) == 2
        assert list(await storage.read_invitations("acme", 10)) == [ours]
        left = await storage.read([*(row.key for row in tries), (UserAccess, "lan")])
        assert set(left) == {tries[1].key, (UserAccess, "lan")}
