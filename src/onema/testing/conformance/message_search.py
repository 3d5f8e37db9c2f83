"""How a store finds messages by what people know of them, as tests, beside those of storage.py."""

from typing import ClassVar

from msgspec.structs import replace

from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import EPOCH_MS, AccountId, first_id_at
from onema.domain.records import LiveVerification, Message, Wallet, Window
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import Storage, WantedMessages
from onema.storage.searching import PART
from onema.testing.conformance.storage import ACCOUNT, insert, message, sample

OURS, THEIRS = Phone("+84901888484"), Phone("+84912345678")
NEWEST = 2**63 - 1
WALLET = Wallet(ACCOUNT, Minor(0))


def to(identifier: int, phone: Phone = OURS, reference: str = "", state: str = "delivered") -> Message:
    return replace(message(identifier), phone=phone, reference=reference, state=state)


class MessageSearch:
    """Subclass with a fixture `storage` that is open and empty."""

    prepares: ClassVar[int] = 1
    """Parts of one that is due; 0 for a store that needs none."""

    async def _ids(self, storage: Storage, wanted: WantedMessages, before: int = NEWEST) -> list[int]:
        found = await storage.search_messages(ACCOUNT, wanted, before, 100)
        return [one.id for one in found.messages]

    async def test_messages_are_found_by_phone_reference_state_and_time(self, storage: Storage) -> None:
        """Newest first, of the account alone; a phone or a reference leads to them, the rest must be so too."""
        stranger = replace(to(6), account=AccountId(ACCOUNT + 1))
        await insert(
            storage,
            to(1),
            to(2, THEIRS),
            to(3, THEIRS, "r3"),
            to(4, reference="r4"),
            to(5, state="failed"),
            stranger,
        )
        both = WantedMessages(phones=(OURS,), reference="r3")
        assert await self._ids(storage, WantedMessages()) == [5, 4, 3, 2, 1]
        assert await self._ids(storage, WantedMessages(phones=(OURS,))) == [5, 4, 1]
        assert await self._ids(storage, both) == [5, 4, 3, 1]
        assert await self._ids(storage, replace(both, state="delivered")) == [4, 3, 1]
        assert await self._ids(storage, replace(both, since=4)) == [5, 4]
        assert await self._ids(storage, both, before=4) == [3, 1]
        assert await self._ids(storage, WantedMessages(state="failed")) == [5]
        assert await self._ids(storage, WantedMessages(reference="r")) == []

    async def test_what_is_in_closed_parts_is_found_as_what_is_in_none(self, storage: Storage) -> None:
        """A page after the other, each message once, whether or not its part was prepared."""
        ids = range(1, PART + 100)
        wanted = {7, 70, 700, PART - 1, PART + 50}
        await insert(storage, WALLET, *(to(one, OURS if one in wanted else THEIRS, f"r{one}") for one in ids))
        question = WantedMessages(phones=(OURS,))
        for prepared in (self.prepares, 0):
            assert await self._ids(storage, question) == sorted(wanted, reverse=True)
            assert await self._ids(storage, WantedMessages(reference="r700")) == [700]
            assert await self._ids(storage, replace(question, since=71)) == [PART + 50, PART - 1, 700]
            seen, before = list[int](), NEWEST
            while before:
                page = await storage.search_messages(ACCOUNT, question, before, 2)
                seen, before = seen + [one.id for one in page.messages], page.before
            assert seen == sorted(wanted, reverse=True)
            assert await storage.index_messages(before=NEWEST, limit=10) == prepared

    async def test_a_part_that_is_not_whole_or_not_old_enough_is_left(self, storage: Storage) -> None:
        """Messages may still come among its own."""
        await insert(storage, WALLET, *(to(one) for one in range(1, PART)))
        assert await storage.index_messages(before=NEWEST, limit=10) == 0
        await insert(storage, to(PART), to(PART + 1), batch=2)
        assert await storage.index_messages(before=PART, limit=10) == 0

    async def test_messages_that_are_forgotten_are_not_found(self, storage: Storage) -> None:
        """Neither they nor what they were found by; what is younger is."""
        moment = EPOCH_MS + 1_000
        younger = first_id_at(moment) + 1
        await insert(storage, WALLET, *(to(one) for one in range(1, PART + 1)), to(younger))
        assert await storage.index_messages(before=NEWEST, limit=10) == self.prepares
        while await storage.drop_older_than(moment, 5_000):
            pass
        assert await self._ids(storage, WantedMessages(phones=(OURS,))) == [younger]
        assert await storage.index_messages(before=NEWEST, limit=10) == 0

    async def test_what_is_known_of_a_phone_is_found_and_its_messages_are_no_more(
        self, storage: Storage
    ) -> None:
        """Also where an index had led to them; of that account and phone alone."""
        live = replace(sample(LiveVerification), account=ACCOUNT, phone=OURS, purpose="a")
        window = Window(ACCOUNT, "phone", OURS, "600:1:2", 9)
        guarded = GuardSubject(ACCOUNT, f"number {OURS}", b"state", 9)
        theirs = (
            replace(live, phone=THEIRS),
            Window(ACCOUNT, "phone", THEIRS, "600:1:2", 9),
            replace(guarded, subject=f"number {THEIRS}"),
        )
        strangers = (
            replace(live, account=AccountId(ACCOUNT + 1)),
            replace(window, account=AccountId(ACCOUNT + 1)),
            replace(guarded, account=AccountId(ACCOUNT + 1)),
        )
        await insert(storage, live, window, guarded, *theirs, *strangers)
        assert list(await storage.read_about(ACCOUNT, OURS)) == [live, window, guarded]
        first = first_id_at(EPOCH_MS + 1_000)
        kept = [to(first + number, THEIRS if number % 2 else OURS) for number in range(PART)]
        await insert(storage, WALLET, *kept, batch=2)
        assert await storage.index_messages(first + PART, 10) == self.prepares
        gone = [replace(one, phone=Phone("+0")) for one in kept if one.phone == OURS]
        await storage.begin([one.key for one in gone])
        await storage.commit(77, {one.key: one for one in gone}, [])
        await storage.forget_searched(ACCOUNT, OURS)
        assert await self._ids(storage, WantedMessages(phones=(OURS,))) == []
        assert len(await self._ids(storage, WantedMessages(phones=(THEIRS,)))) == 100
