"""Searching messages in the embedded store: in threads, on connections of their own."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import apsw

from onema.domain.ids import AccountId
from onema.domain.records import Message
from onema.storage.contract import WantedMessages
from onema.storage.searching import PART, terms

ACCOUNTS_AT_ONCE = 200


class ClosedPart:
    """Messages of one account that are to be found from now on."""

    def __init__(self, account: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        last = rows[-1][0]
        self.part = {"account": account, "last": last, "first": rows[0][0]}
        # In the order of the table, so that it grows at its end.
        self.terms = sorted(
            (last, term, message) for message, phone, reference in rows for term in terms([phone], reference)
        )

    def save(self, writer: apsw.Connection, queries: Mapping[str, str]) -> None:
        writer.execute(queries["make_part"], self.part)
        writer.executemany("INSERT INTO search_terms (part, term, message) VALUES (?, ?, ?)", self.terms)


def drop_oldest_part(writer: apsw.Connection, queries: Mapping[str, str], bindings: dict[str, Any]) -> None:
    """Of an account, if all of it is older than the cut."""
    for dropped in writer.execute(queries["drop_oldest_part"], bindings).fetchall():
        writer.execute("DELETE FROM search_terms WHERE part = ?", dropped)


class SqliteFinder:
    """A Finder on one connection."""

    def __init__(self, connection: apsw.Connection, queries: Mapping[str, str]) -> None:
        self._connection = connection
        self._queries = queries

    @classmethod
    @contextlib.asynccontextmanager
    async def on(
        cls, connect: Callable[[], apsw.Connection], queries: Mapping[str, str]
    ) -> AsyncIterator["SqliteFinder"]:
        connection = await asyncio.to_thread(connect)
        try:
            yield cls(connection, queries)
        finally:
            await asyncio.to_thread(connection.close)

    async def newest_part(self, account: AccountId) -> int:
        ((last,),) = await self._fetch("newest_part", account=account)
        return int(last)

    async def nth_newest(self, account: AccountId, after: int, before: int, number: int) -> int:
        found = await self._fetch("nth_newest", account=account, after=after, before=before, skip=number)
        return int(found[0][0]) if found else 0

    async def scan(
        self, account: AccountId, after: int, before: int, wanted: WantedMessages, limit: int
    ) -> list[Message]:
        rows = await self._fetch(
            "scan_messages",
            account=account,
            after=after,
            before=before,
            named=wanted.is_named,
            phones=json.dumps(wanted.phones),
            reference=wanted.reference,
            state=wanted.state,
            limit=limit,
        )
        return [Message(*row) for row in rows]

    async def named(
        self, account: AccountId, after: int, before: int, wanted: WantedMessages, limit: int
    ) -> list[int]:
        looked_for = json.dumps(terms(wanted.phones, wanted.reference))
        rows = await self._fetch(
            "named_messages", account=account, after=after, before=before, terms=looked_for, limit=limit
        )
        return [row[0] for row in rows]

    async def messages(self, account: AccountId, ids: Sequence[int]) -> list[Message]:
        rows = await self._fetch("messages_of_ids", account=account, ids=json.dumps(list(ids)))
        return [Message(*row) for row in rows]

    async def closed_parts(self, before: int, start: int, limit: int) -> tuple[list[ClosedPart], int]:
        """Up to `limit` parts that can be made, of the accounts from the `start`-th on; where to go on."""
        return await asyncio.to_thread(self._closed_parts, before, start, limit)

    def _closed_parts(self, before: int, start: int, limit: int) -> tuple[list[ClosedPart], int]:
        accounts = self._connection.execute(self._queries["accounts_with_money"]).fetchall()
        found: list[ClosedPart] = []
        place = start if start < len(accounts) else 0
        for (account,) in accounts[place : place + ACCOUNTS_AT_ONCE]:
            ((after,),) = self._connection.execute(self._queries["newest_part"], {"account": account})
            while len(found) < limit:
                bindings = {"account": account, "after": after, "before": before, "limit": PART}
                rows = self._connection.execute(self._queries["next_part"], bindings).fetchall()
                if len(rows) < PART:
                    break
                found.append(ClosedPart(account, rows))
                after = rows[-1][0]
            if len(found) == limit:
                break
            place += 1
        return found, place

    async def _fetch(self, query: str, **bindings: Any) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(
            lambda: self._connection.execute(self._queries[query], bindings).fetchall()
        )
