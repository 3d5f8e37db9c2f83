"""Finding messages among millions without an index on the hot table.

What people search by (phone, reference) is written into a table of its own, a part at a time: so many consecutive
messages of an account that nobody adds to any more, sorted, in one go. A search looks into each part, and scans what is
in none yet.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from onema.domain.ids import AccountId
from onema.domain.records import Message
from onema.storage.contract import FoundMessages, WantedMessages

PART = 2_048
"""Messages of a part. To write one holds up batches for about three milliseconds."""
SCANNED = 20_000
"""So many messages are looked at that no index leads to; the answer says where to go on."""
_NAMED = 200
_MOST_NAMED = 2_000
"""So many messages that an index leads to are looked at for a state."""


class Finder(Protocol):
    """What a store must be able to look up. Ids are between `after` and `before`, without these; newest first."""

    async def newest_part(self, account: AccountId) -> int:
        """The last id that is in a part, 0 without any."""

    async def nth_newest(self, account: AccountId, after: int, before: int, number: int) -> int:
        """The id of the message that `number` are newer than; 0 where there are not as many."""

    async def scan(
        self, account: AccountId, after: int, before: int, wanted: WantedMessages, limit: int
    ) -> list[Message]: ...

    async def named(
        self, account: AccountId, after: int, before: int, wanted: WantedMessages, limit: int
    ) -> list[int]:
        """Ids in parts."""

    async def messages(self, account: AccountId, ids: Sequence[int]) -> list[Message]: ...


async def search(
    finder: Finder, account: AccountId, wanted: WantedMessages, before: int, limit: int
) -> FoundMessages:
    after = max(wanted.since - 1, 0)
    newest = await finder.newest_part(account) if wanted.is_named else 0
    found: list[Message] = []
    floor = max(after, newest)
    if before - 1 > floor:
        last = await finder.nth_newest(account, floor, before, SCANNED - 1)
        found = await finder.scan(account, max(floor, last - 1), before, wanted, limit)
        if len(found) == limit:
            return FoundMessages(found, found[-1].id)
        if last:
            return FoundMessages(found, last)
    before = min(before, newest + 1)
    looked = 0
    while before - 1 > after and looked < _MOST_NAMED:
        ids = await finder.named(account, after, before, wanted, _NAMED)
        found += [one for one in await finder.messages(account, ids) if wanted.fits(one)]
        if len(found) >= limit:
            return FoundMessages(found[:limit], found[limit - 1].id)
        if len(ids) < _NAMED:
            return FoundMessages(found, 0)
        looked, before = looked + len(ids), ids[-1]
    return FoundMessages(found, before if looked else 0)


def terms(phones: Iterable[str], reference: str) -> list[int]:
    """What a message is found by, as numbers that a store compares."""
    named = [f"phone {phone}" for phone in phones] + ([f"reference {reference}"] if reference else [])
    return [
        int.from_bytes(hashlib.blake2b(one.encode(), digest_size=8).digest(), "big", signed=True)
        for one in named
    ]
