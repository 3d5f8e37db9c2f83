"""How a store counts messages, as tests, beside those of storage.py."""

from msgspec.structs import replace

from onema.domain.erase_phone import ERASED
from onema.domain.ids import AccountId
from onema.domain.records import Attempt, AttemptState, Channel, Event, Message, MessageState, Row
from onema.domain.statistics import HOUR_MS, FirstAttempt, MessagesAlike, Statistics
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import Storage
from onema.testing.conformance.storage import ACCOUNT, insert, message, sample
from onema.testing.counting import count_alike

OTHER = AccountId(ACCOUNT + 1)
NOW = 5_000


def sms(identifier: int, **changes: object) -> Message:
    """One with a code, which arrived."""
    row = replace(
        message(identifier),
        channel=Channel.SMS,
        phone=Phone(f"+8490188{identifier:04}"),
        template="codes",
        state=MessageState.DELIVERED,
        verification=identifier,
        code_expires_at=0,
        charged=Minor(850),
        reason="",
    )
    return replace(row, **changes)


def attempt(of: Message, number: int = 1, carrier: str = "north", **changes: object) -> Attempt:
    row = Attempt(of.account, of.id, number, carrier, "", AttemptState.DELIVERED, "", "", 1_000, 4_000)
    return replace(row, **changes)


def verified(identifier: int, at: int) -> Event:
    return Event(ACCOUNT, identifier, at, "verified", "")


class MessageCounting:
    """Subclass with a fixture `storage` that is open and empty."""

    async def counted(
        self, storage: Storage, *rows: Row, first: int = 0, before: int = 1_000
    ) -> list[MessagesAlike]:
        """What the store counts, which is also what Python does."""
        await insert(storage, *rows)
        found = await storage.count_messages([ACCOUNT, OTHER], first, before, NOW)
        messages = [row for row in rows if isinstance(row, Message) and first <= row.id < before]
        attempts = [row for row in rows if isinstance(row, Attempt)]
        events = [row for row in rows if isinstance(row, Event)]
        assert sorted(found, key=repr) == sorted(count_alike(messages, attempts, events, NOW), key=repr)
        return sorted(found, key=lambda one: -one.messages)

    async def test_messages_that_are_alike_are_counted_together(self, storage: Storage) -> None:
        """With what became of them, what they cost, and how soon they arrived."""
        rows = [sms(number) for number in range(1, 5)]
        failed = replace(rows[3], state=MessageState.UNDELIVERED, charged=Minor(0))
        (one,) = await self.counted(
            storage,
            *rows[:3],
            failed,
            *(attempt(row) for row in rows[:2]),
            attempt(rows[2], ended_at=12_000),
            attempt(failed, state=AttemptState.UNDELIVERED),
            verified(1, 50),
            verified(3, 51),
        )
        assert one == MessagesAlike(
            account=ACCOUNT,
            channel="sms",
            template="codes",
            prefix="+84901",
            phone=rows[0].phone,
            carrier="north",
            network="",
            first_carrier="north",
            messages=4,
            unsettled=0,
            sent=4,
            delivered=3,
            codes=4,
            verified=2,
            charged=2_550,
            code_charged=2_550,
            tried=4,
            tried_codes=4,
            tried_verified=2,
            told=4,
            arrived=3,
            within=(0, 2, 2, 3, 3, 3, 3),
        )

    async def test_messages_differ_by_what_they_are_counted_by(self, storage: Storage) -> None:
        """Account, channel, template, prefix, and the carriers and the network of their attempts."""
        rows = [
            sms(1),
            sms(2, account=OTHER),
            sms(3, channel=Channel.CALL),
            sms(4, template=""),
            sms(5, phone=Phone("+29022158")),
            sms(6),
            sms(7),
        ]
        told = '{"mccmnc": "45201", "operator": "MobiFone"}'
        attempts = [
            attempt(rows[5]),
            attempt(rows[5], 2, "south", network='{"mccmnc": "45204"}'),
            attempt(rows[6], network=told),
        ]
        found = await self.counted(storage, *rows, *attempts)
        assert len(found) == len(rows)
        assert {(one.prefix, one.carrier, one.network, one.first_carrier) for one in found} == {
            ("+84901", "", "", ""),
            ("+2902", "", "", ""),
            ("+84901", "south", "45204", "north"),
            ("+84901", "north", "MobiFone", "north"),
        }

    async def test_a_code_is_verified_by_its_newest_message(self, storage: Storage) -> None:
        """Its cost falls on all of them, and the carrier that brought it gets the merit."""
        first, again, call = sms(1), sms(20, verification=1), sms(30, verification=1, channel=Channel.CALL)
        found = await self.counted(
            storage,
            first,
            again,
            call,
            Event(ACCOUNT, 1, 20, "sent again", "sms 20 (asked for)"),
            verified(1, 25),
            Event(ACCOUNT, 1, 30, "next channel", "call 30"),
        )
        by_channel = {one.channel: one for one in found}
        assert [(one.messages, one.codes, one.verified) for one in found] == [(2, 1, 1), (1, 0, 0)]
        assert by_channel["call"].code_charged == 850

    async def test_an_attempt_counts_for_its_carrier_if_it_was_the_first_and_the_guard_let_it_be(
        self, storage: Storage
    ) -> None:
        """Otherwise carriers that get what others could not bring would look bad, and so would those of bots."""
        resent, guarded, own_code, again = sms(1), sms(2), sms(3, verification=0), sms(4, verification=1)
        (one, two) = await self.counted(
            storage,
            resent,
            guarded,
            own_code,
            again,
            attempt(resent, state=AttemptState.TEMPORARY),
            attempt(resent, 2),
            attempt(guarded),
            attempt(own_code),
            Event(ACCOUNT, 2, 2, "guard", "prefix"),
            verified(1, 50),
            verified(2, 50),
        )
        assert (one.tried, one.tried_codes, one.tried_verified, one.told, one.arrived) == (2, 1, 0, 1, 1)
        assert (one.messages, one.codes, one.verified, two.tried) == (3, 2, 2, 0)

    async def test_what_may_change_is_not_settled(self, storage: Storage) -> None:
        """A message that has not ended, and one whose code can still be checked."""
        (one,) = await self.counted(
            storage, sms(1), sms(2, ended_at=0, state=MessageState.SENT), sms(3, code_expires_at=NOW + 1)
        )
        assert (one.messages, one.unsettled) == (3, 2)

    async def test_what_nobody_was_sent_is_left_out(self, storage: Storage) -> None:
        """What was refused, what the sandbox took, what operators try carriers with, and ids outside."""
        rows = [
            sms(1, state=MessageState.REFUSED),
            sms(2, reason="sandbox"),
            sms(3, dialect="operator"),
            sms(4),
            sms(5, state=MessageState.FAILED),
            sms(6),
        ]
        (one,) = await self.counted(storage, *rows, first=4, before=6)
        assert (one.messages, one.sent) == (2, 1)

    async def test_it_is_known_whether_there_are_messages(self, storage: Storage) -> None:
        """Of one of some accounts, from an id to before another."""
        await insert(storage, sms(5), sms(6, account=OTHER))
        for accounts, first, before, there in (
            ([ACCOUNT], 0, 5, False),
            ([ACCOUNT], 5, 6, True),
            ([ACCOUNT], 6, 1_000, False),
            ([ACCOUNT, OTHER], 6, 1_000, True),
            ([], 0, 1_000, False),
        ):
            assert await storage.has_messages(accounts, first, before) is there

    async def test_first_attempts_are_listed_with_what_they_brought(self, storage: Storage) -> None:
        """Those of first messages of codes, in order, a page at a time; none that the guard doubts."""
        one, two, three, resent, doubted, forgotten = (sms(number) for number in (1, 2, 3, 4, 5, 6))
        again, text = sms(20, verification=2), sms(21, verification=0)
        forgotten = replace(forgotten, phone=ERASED)
        messages = [one, two, three, resent, doubted, forgotten, again, text]
        rows: list[Row] = [
            *messages,
            *(attempt(row, why="route +") for row in messages),
            attempt(resent, 2, "south"),
            verified(1, 50),
            Event(ACCOUNT, 2, 20, "sent again", ""),
            verified(2, 50),
            verified(4, 50),
            Event(ACCOUNT, 5, 5, "guard", "prefix"),
        ]
        await insert(storage, *rows)
        found = await storage.read_first_attempts(ACCOUNT, 0, 1_000, 10)
        assert list(found) == [
            FirstAttempt(row.id, "sms", row.phone, "north", "route +", row is one)
            for row in (one, two, three, resent)
        ]
        assert list(await storage.read_first_attempts(ACCOUNT, 2, 4, 10)) == list(found)[1:3]
        assert list(await storage.read_first_attempts(ACCOUNT, 2, 1_000, 1)) == list(found)[1:2]

    async def test_statistics_are_kept_until_they_expire(self, storage: Storage) -> None:
        """By the time that they are of, and the account."""
        row = sample(Statistics)
        assert isinstance(row, Statistics)
        kept = replace(row, span=HOUR_MS, start=HOUR_MS, account=ACCOUNT, expires_at=101, settled=True)
        await insert(storage, kept, replace(kept, account=OTHER, expires_at=100))
        assert await storage.sweep(now=100, limit=10) == 1
        assert await storage.read([kept.key]) == {kept.key: kept}
