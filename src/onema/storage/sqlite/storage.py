"""The embedded store: SQLite in WAL mode, synchronous=FULL.

Statements of a batch run on the event loop's thread (they take microseconds); only COMMIT, which waits for the
disk, runs in a helper thread, while the loop goes on collecting the next batch. Checkpoints have a connection
and thread of their own (write_ahead_log.py).
"""

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import apsw
from msgspec.structs import asdict, astuple

from onema.domain.delivery.leave_job import LEFT_FOR_MS
from onema.domain.ids import AccountId, MessageId, first_id_at
from onema.domain.records import (
    Attempt,
    Call,
    CarrierReference,
    DirectoryRow,
    Event,
    InboxItem,
    Job,
    JobKind,
    Key,
    LedgerEntry,
    Message,
    Row,
)
from onema.domain.statistics import PREFIX_WITHOUT_DIGITS, SHORTEST_PREFIX, FirstAttempt, MessagesAlike
from onema.domain.tables import EXPIRING
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import (
    NEWEST,
    CodesBetween,
    DirectoryChanges,
    FoundMessages,
    SentBetween,
    SentCode,
    SentPage,
    StorageError,
    Story,
    Subscription,
    Unheard,
    WantedMessages,
    Writer,
    expected_size,
)
from onema.storage.searching import search, terms
from onema.storage.sqlite.disk_thread import DiskThread
from onema.storage.sqlite.driver_errors import DRIVER_ERRORS
from onema.storage.sqlite.file import migrate, sqlite_errors
from onema.storage.sqlite.known_rows import KnownRows
from onema.storage.sqlite.lists import SqliteLists
from onema.storage.sqlite.retention import drop_old, forget_ended
from onema.storage.sqlite.searching import SqliteFinder
from onema.storage.sqlite.write_ahead_log import WriteAheadLog
from onema.storage.statements import alike, named_statements, plain_statements

CACHE_KIB = 16_384
ROOM_BYTES = 16 << 20
"""So much must be free before a store that could not be written counts as back."""

_row_type = itemgetter(0)


class SqliteStorage(SqliteLists):
    """A store in one file. One process may write it: the caller holds the data folder's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.schema = 0
        self._queries = named_statements("sqlite.sql")
        self._disk = DiskThread("sqlite-commit")
        # Held by whoever writes.
        self._writing = asyncio.Lock()
        self._inserted: list[Row] = []
        """New rows of the present batch that came before its commit; `begin` clears them."""
        self._known = KnownRows()
        self._indexed_up_to = 0
        """Which of the accounts comes next, when messages are prepared for searches."""
        self._loaded: dict[Key, Row] = {}
        """The rows that the present batch began with."""

    @property
    def other_writers(self) -> Sequence[Writer]:
        """One transaction at a time is all that the engine can do."""
        return ()

    async def open(self) -> None:
        # SQLite would let everybody read a new file; its log and index get the file's mode.
        with sqlite_errors(self._path):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._writer = self._connect()
            self.schema = migrate(self._writer)
            self._reader = self._connect()
            self._reader.pragma("query_only", True)
            self._wal = WriteAheadLog(self._writer, self._writing, self._connect())

    async def close(self) -> None:
        await self._wal.stop()
        self._disk.stop()
        self._reader.close()
        self._writer.close()

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(5_000)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("cache_size", -CACHE_KIB)
        connection.pragma("temp_store", "memory")
        connection.wal_autocheckpoint(0)
        return connection

    # The batch.

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        await self._wal.room()
        await self._writing.acquire()
        self._inserted.clear()
        try:
            with DRIVER_ERRORS:
                self._writer.execute("BEGIN IMMEDIATE")
                self._loaded, unknown = self._known.among(keys)
                self._loaded |= self._get(self._writer, unknown)
                return self._loaded
        except BaseException:
            await self.abort()
            raise

    async def insert(self, rows: Sequence[Row]) -> None:
        """Kept for the commit: nobody else could work on them meanwhile."""
        self._inserted.extend(rows)

    async def commit(
        self, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row], known: int = NEWEST
    ) -> None:
        try:
            with DRIVER_ERRORS:
                new = [*self._inserted, *inserted]
                self._save(written, new)
                await self._disk.run(self._commit_statement)
        except BaseException:
            self._known.forget_all()
            await self.abort()
            raise
        self._known.learn(written.items())
        self._known.learn_new(new)
        self._writing.release()

    def _commit_statement(self) -> None:
        self._writer.execute("COMMIT")

    def _save(self, written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> None:
        deletes: dict[type[Row], list[tuple[Any, ...]]] = {}
        updates: dict[type[Row], list[tuple[Any, ...]]] = {}
        upserts: dict[type[Row], list[tuple[Any, ...]]] = {}
        inserts: dict[type[Row], list[tuple[Any, ...]]] = {}
        for key, row in written.items():
            if row is None:
                deletes.setdefault(key[0], []).append(key[1:])
            else:
                # To update what is there costs three quarters of putting it in with its conflict.
                where = updates if key in self._loaded else upserts
                where.setdefault(key[0], []).append(astuple(row))
        for row in inserted:
            inserts.setdefault(type(row), []).append(astuple(row))
        execute = self._writer.executemany
        for row_type, rows in deletes.items():
            execute(plain_statements(row_type).delete, rows)
        for row_type, rows in updates.items():
            self._update(row_type, rows)
        for row_type, rows in upserts.items():
            execute(plain_statements(row_type).upsert, rows)
        for row_type, rows in inserts.items():
            execute(plain_statements(row_type).insert, rows)

    def _update(self, row_type: type[Row], rows: Sequence[tuple[Any, ...]]) -> None:
        before = self._writer.total_changes()
        self._writer.executemany(plain_statements(row_type).update, rows)
        if self._writer.total_changes() - before != len(rows):
            # Nobody may write beside this process.
            raise StorageError(f"rows of {row_type.table} are gone that were there")

    async def confirm(self, known: int = NEWEST) -> None:
        await self.abort()

    async def abort(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._writing.release()

    async def was_committed(self, batch: int) -> bool:
        raise StorageError("the outcome of a local COMMIT is always known")

    async def lease_jobs(
        self,
        now: int,
        until: int,
        limit: int,
        kinds: Collection[JobKind] = tuple(JobKind),
        elsewhere: Collection[str] = (),
    ) -> Sequence[Job]:
        bindings: dict[str, Any] = {
            "now": now,
            "until": until,
            "limit": limit,
            "kinds": json.dumps(list(kinds)),
            "elsewhere": json.dumps(list(elsewhere)),
            "left_before": now - LEFT_FOR_MS,
        }
        async with self._writing:
            with DRIVER_ERRORS, self._writer:
                rows = self._rows(self._writer, Job, "lease_jobs", bindings)
            self._known.learn_new(rows)
        return sorted(rows, key=lambda job: job.id)

    async def lease_callbacks(
        self, now: int, until: int, limit: int, share: int, full: Collection[int] = ()
    ) -> Sequence[Job]:
        bindings: dict[str, Any] = {
            "now": now,
            "until": until,
            "limit": limit,
            "share": share,
            "full": json.dumps(list(full)),
        }
        async with self._writing:
            with DRIVER_ERRORS, self._writer:
                rows = self._rows(self._writer, Job, "lease_callbacks", bindings)
            self._known.learn_new(rows)
        return sorted(rows, key=lambda job: job.id)

    async def sweep(self, now: int, limit: int) -> int:
        names = tuple(f"sweep_{row_type.table}" for row_type in EXPIRING)
        return await self._change(names, {"now": now, "limit": limit}, *EXPIRING)

    async def trim_unmatched_receipts(self, keep: int) -> int:
        return await self._change(("trim_unmatched_receipts",), {"keep": keep}, CarrierReference)

    async def bring_forward(self, kind: JobKind, latest: int, now: int) -> int:
        return await self._change(("bring_forward",), {"kind": str(kind), "latest": latest, "now": now}, Job)

    async def trim_inbox(self, keep: int, oldest: int) -> int:
        return await self._change(("trim_inbox",), {"keep": keep, "oldest": oldest}, InboxItem)

    async def _change(self, names: Sequence[str], bindings: dict[str, Any], *tables: type[Row]) -> int:
        """Run these statements, which change `tables`, in a transaction of their own; how many rows they changed."""
        async with self._writing:
            before = self._writer.total_changes()
            with DRIVER_ERRORS, self._writer:
                for name in names:
                    self._writer.execute(self._queries[name], bindings)
            if changed := self._writer.total_changes() - before:
                self._known.forget(*tables)
            return changed

    async def listen(
        self, on_directory_changed: Callable[[], None], on_jobs_due: Callable[[], None]
    ) -> Subscription:
        return Unheard()

    async def maintain(self, now: int) -> None:
        return None

    async def prove_writable(self) -> None:
        async with self._writing:
            with sqlite_errors():
                await self._disk.run(self._prove)

    def _prove(self) -> None:
        with tempfile.TemporaryFile(dir=self._path.parent) as file:
            os.posix_fallocate(file.fileno(), 0, ROOM_BYTES)
        with self._writer:
            # Writes the first page, as it is.
            self._writer.pragma("user_version", self._writer.pragma("user_version"))

    async def clock(self) -> int | None:
        return None

    async def drop_older_than(self, moment: int, limit: int) -> int:
        cut = first_id_at(moment)
        await self._wal.room()
        async with self._writing:
            before = self._writer.total_changes()
            with DRIVER_ERRORS, self._writer:
                drop_old(self._writer, self._queries, cut, moment, limit)
            if changed := self._writer.total_changes() - before:
                self._known.forget_all()
            return changed

    async def forget_ended(self, account: AccountId, moment: int, limit: int) -> int:
        await self._wal.room()
        async with self._writing:
            with DRIVER_ERRORS, self._writer:
                gone = forget_ended(self._writer, self._queries, account, first_id_at(moment), limit)
            if gone:
                self._known.forget_all()
            return gone

    async def expire_after(self, windows: int, codes: int) -> tuple[int, int]:
        with DRIVER_ERRORS:
            found = [
                self._reader.execute(self._queries[name], {"moment": moment}).fetchone()
                for name, moment in (("windows_after", windows), ("codes_after", codes))
            ]
        return (found[0] or (0,))[0], (found[1] or (0,))[0]

    async def read(self, keys: Sequence[Key]) -> dict[Key, Row]:
        with DRIVER_ERRORS:
            return self._get(self._reader, keys)

    async def read_directory(self) -> tuple[int, Sequence[DirectoryRow]]:
        with DRIVER_ERRORS, self._reader:
            revision = self._reader.execute(self._queries["directory_revision"]).fetchone()
            rows = self._rows(self._reader, DirectoryRow, "directory", {})
        return (revision[0] if revision else 0), rows

    async def read_directory_changes(
        self, since: int, known: Collection[tuple[str, str]]
    ) -> DirectoryChanges:
        with DRIVER_ERRORS, self._reader:
            revision = self._reader.execute(self._queries["directory_revision"]).fetchone()
            rows = self._rows(self._reader, DirectoryRow, "directory_since", {"revision": since})
            ((count,),) = self._reader.execute(self._queries["directory_size"])
            gone = set[tuple[str, str]]()
            if count != expected_size(known, rows):
                gone = set(known) - set(self._reader.execute(self._queries["directory_names"]))
        return DirectoryChanges(revision[0] if revision else 0, rows, gone)

    async def read_story(self, account: AccountId, message: MessageId) -> Story | None:
        of_message = {"account": account, "message": message, "subject": message}
        story = None
        with DRIVER_ERRORS, self._reader:
            found = self._get(self._reader, [(Message, account, message)]).get((Message, account, message))
            if isinstance(found, Message):
                story = Story(
                    message=found,
                    attempts=self._rows(self._reader, Attempt, "attempts_of_message", of_message),
                    calls=self._rows(self._reader, Call, "calls_of_message", of_message),
                    events=self._rows(self._reader, Event, "events_of_subject", of_message),
                    ledger=self._rows(self._reader, LedgerEntry, "ledger_of_subject", of_message),
                )
        return story

    async def search_messages(
        self, account: AccountId, wanted: WantedMessages, before: int, limit: int
    ) -> FoundMessages:
        async with SqliteFinder.on(self._connect, self._queries) as finder:
            with DRIVER_ERRORS:
                return await search(finder, account, wanted, before, limit)

    async def index_messages(self, before: int, limit: int) -> int:
        async with SqliteFinder.on(self._connect, self._queries) as finder:
            with DRIVER_ERRORS:
                parts, self._indexed_up_to = await finder.closed_parts(before, self._indexed_up_to, limit)
        for one in parts:
            await self._wal.room()
            async with self._writing:
                with DRIVER_ERRORS, self._writer:
                    one.save(self._writer, self._queries)
        return len(parts)

    async def forget_searched(self, account: AccountId, phone: Phone) -> None:
        bindings = {"account": account, "terms": json.dumps(terms([phone], ""))}
        await self._wal.room()
        async with self._writing:
            with DRIVER_ERRORS, self._writer:
                self._writer.execute(self._queries["forget_terms"], bindings)

    async def read_sent(self, account: AccountId, sent: SentBetween) -> SentPage:
        # A day of a busy account takes tens of milliseconds, which everybody would wait for on this thread.
        return await asyncio.to_thread(self._read_sent, account, sent)

    def _read_sent(self, account: AccountId, sent: SentBetween) -> SentPage:
        bindings = {**asdict(sent), "account": account, "categories": json.dumps(sent.categories)}
        with DRIVER_ERRORS, contextlib.closing(self._connect()) as connection:
            ((total,),) = connection.execute(self._queries["count_sent"], bindings)
            return SentPage(total, self._rows(connection, Message, "sent", bindings))

    async def has_messages(self, accounts: Sequence[AccountId], first: int, before: int) -> bool:
        bindings = {"accounts": json.dumps(list(accounts)), "first": first, "before": before}
        with DRIVER_ERRORS:
            ((found,),) = self._reader.execute(self._queries["has_messages"], bindings)
        return bool(found)

    async def count_messages(
        self, accounts: Sequence[AccountId], first: int, before: int, now: int
    ) -> Sequence[MessagesAlike]:
        return await asyncio.to_thread(self._count_messages, accounts, first, before, now)

    def _count_messages(
        self, accounts: Sequence[AccountId], first: int, before: int, now: int
    ) -> list[MessagesAlike]:
        bindings = {
            "accounts": json.dumps(list(accounts)),
            "first": first,
            "before": before,
            "now": now,
            "without": PREFIX_WITHOUT_DIGITS,
            "shortest": SHORTEST_PREFIX,
        }
        with DRIVER_ERRORS, contextlib.closing(self._connect()) as connection:
            return [alike(row) for row in connection.execute(self._queries["count_messages"], bindings)]

    async def read_codes(self, account: AccountId, codes: CodesBetween) -> Sequence[SentCode]:
        return await asyncio.to_thread(self._read_codes, account, codes)

    def _read_codes(self, account: AccountId, codes: CodesBetween) -> list[SentCode]:
        bindings = {**asdict(codes), "account": account, "categories": json.dumps(codes.categories)}
        with DRIVER_ERRORS, contextlib.closing(self._connect()) as connection:
            rows: Any = connection.execute(self._queries["codes"], bindings)
            return [SentCode(Message(*row), bool(verified)) for *row, verified in rows]

    async def read_first_attempts(
        self, account: AccountId, first: int, before: int, limit: int
    ) -> Sequence[FirstAttempt]:
        return await asyncio.to_thread(self._read_first_attempts, account, first, before, limit)

    def _read_first_attempts(
        self, account: AccountId, first: int, before: int, limit: int
    ) -> list[FirstAttempt]:
        bindings = {"account": account, "first": first, "before": before, "limit": limit}
        with DRIVER_ERRORS, contextlib.closing(self._connect()) as connection:
            rows: Any = connection.execute(self._queries["first_attempts"], bindings)
            found: list[tuple[Any, ...]] = [(*told, bool(verified)) for *told, verified in rows]
            return [FirstAttempt(*row) for row in found]

    async def oldest_due(self, now: int, limit: int) -> dict[str, int]:
        with DRIVER_ERRORS:
            rows: Any = self._reader.execute(self._queries["oldest_due"], {"now": now, "limit": limit})
            return {kind: due_at for kind, due_at in rows}  # noqa: C416  # dict(rows) would lose its types

    async def ledger_sum(self, account: AccountId) -> Minor:
        with DRIVER_ERRORS:
            row = self._reader.execute(self._queries["ledger_sum"], {"account": account}).fetchone()
        return Minor(row[0] if row else 0)

    async def read_inbox_phones(self, part: str, limit: int) -> Sequence[InboxItem]:
        # It looks at every item: 60 ms for a full inbox, which everybody would wait for on this thread.
        return await asyncio.to_thread(self._read_inbox_phones, part, limit)

    def _read_inbox_phones(self, part: str, limit: int) -> list[InboxItem]:
        with DRIVER_ERRORS, contextlib.closing(self._connect()) as connection:
            return self._rows(connection, InboxItem, "inbox_phones", {"part": part, "limit": limit})

    async def read_inbox(self, phone: Phone | None, after: int, limit: int) -> Sequence[InboxItem]:
        name = "inbox" if phone is None else "inbox_of_phone"
        bindings = {"after": after, "limit": limit, "phone": phone}
        return self._rows(self._reader, InboxItem, name, bindings)

    @staticmethod
    def _get(connection: apsw.Connection, keys: Sequence[Key]) -> dict[Key, Row]:
        rows: dict[Key, Row] = {}
        for row_type, of_type in groupby(keys, _row_type):
            columns = row_type.key_columns
            # One statement for all keys of a table: to start one costs more than to step it.
            for values in connection.executemany(
                plain_statements(row_type).get, [key[1:] for key in of_type]
            ):
                rows[(row_type, *values[:columns])] = row_type(*values)
        return rows
