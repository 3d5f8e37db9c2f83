"""Searching messages in PostgreSQL."""

from collections.abc import Mapping, Sequence

from onema.domain.ids import AccountId
from onema.domain.records import Message
from onema.storage.contract import WantedMessages
from onema.storage.postgres.link import Connection
from onema.storage.searching import PART, terms

ACCOUNTS_AT_ONCE = 200


class PostgresFinder:
    """A Finder on one connection."""

    def __init__(self, connection: Connection, queries: Mapping[str, str]) -> None:
        self._connection = connection
        self._queries = queries

    async def newest_part(self, account: AccountId) -> int:
        return int(await self._connection.fetchval(self._queries["newest_part"], account))

    async def nth_newest(self, account: AccountId, after: int, before: int, number: int) -> int:
        found = await self._connection.fetchval(self._queries["nth_newest"], account, after, before, number)
        return int(found or 0)

    async def scan(
        self, account: AccountId, after: int, before: int, wanted: WantedMessages, limit: int
    ) -> list[Message]:
        filters = (wanted.is_named, list(wanted.phones), wanted.reference, wanted.state)
        rows = await self._connection.fetch(
            self._queries["scan_messages"], account, after, before, *filters, limit
        )
        return [Message(*row) for row in rows]

    async def named(
        self, account: AccountId, after: int, before: int, wanted: WantedMessages, limit: int
    ) -> list[int]:
        looked_for = terms(wanted.phones, wanted.reference)
        query = self._queries["named_messages"]
        rows = await self._connection.fetch(query, account, after, before, looked_for, limit)
        return [row[0] for row in rows]

    async def messages(self, account: AccountId, ids: Sequence[int]) -> list[Message]:
        rows = await self._connection.fetch(self._queries["messages_of_ids"], account, list(ids))
        return [Message(*row) for row in rows]

    async def close_part(self, account: int, before: int) -> bool:
        """Make the account's next part, unless its messages under `before` are too few, or another process makes it."""
        after = await self._connection.fetchval(self._queries["newest_part"], account)
        rows = await self._connection.fetch(self._queries["next_part"], account, after, before, PART)
        if len(rows) < PART:
            return False
        last = rows[-1][0]
        found = sorted(
            (term, message) for message, phone, reference in rows for term in terms([phone], reference)
        )
        made = await self._connection.fetchval(
            self._queries["make_part"],
            account,
            last,
            rows[0][0],
            [term for term, _ in found],
            [message for _, message in found],
        )
        return bool(made)
