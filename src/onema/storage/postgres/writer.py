"""Batches on PostgreSQL: one transaction each, on one connection per writer, by COPY and array parameters.

A batch is two exchanges with the server: BEGIN with all reads, and all changes with COMMIT. New rows of a large
batch are sent while the rest of it is decided.

Locks. `begin` locks the rows that exist, in key order. A key that is missing cannot be locked; a batch that puts
it inserts it, and when another node inserted it first, the batch is a Conflict and is decided anew. So whoever
decides on a row's absence must put that row, as every command does with counters, live codes, wallets, top-ups
and the directory's revision. docs/decisions/0020-postgresql.md has the alternatives and their price.

Fences. A batch that is committed must know the last fence. Whoever puts one up locks `batches` first: the batches
that have saved their id by then are waited for, and those that come later see the fence.

Durability. COMMIT itself does not wait for the disk or a standby, so that it gives the locks back at once; a second
transaction, sent with it, waits for both. Whoever builds on what is not durable yet commits behind it in the log, so no
answer outlives what it is built on; a batch that changes nothing waits too (`confirm`).

Unknown commits. Every batch inserts its id. `was_committed` inserts it too: that waits for a transaction that
still holds it, so the answer is final even while the server has not noticed that our link broke.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from msgspec.structs import astuple

from onema.domain.configuration.move_account import FENCE
from onema.domain.ids import time_of_id
from onema.domain.records import DirectoryRevision, Key, Row
from onema.domain.tables import TABLE_ORDER
from onema.storage.contract import NEWEST, CommitUnknown, Conflict, StorageError, Unavailable
from onema.storage.postgres import binary_values, errors
from onema.storage.postgres.backoff import delays
from onema.storage.postgres.binary_values import row_format
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.link import Link, Losses, Watchdog
from onema.storage.postgres.pipeline import Pipeline
from onema.storage.postgres.row_statements import (
    Save,
    get_statement,
    has_place,
    key_bounds,
    key_columns,
    key_kinds,
    lock_statement,
    row_type_of,
    save_kinds,
    save_statement,
    spelled_out,
)
from onema.storage.postgres.wake_ups import DIRECTORY_CHANNEL
from onema.storage.postgres.wire import copy_in
from onema.storage.statements import named_statements

BATCH_SECONDS = 10.0
"""How long a batch's statements may take before its link counts as lost."""

SETTLE_SECONDS = 60.0
"""How long `was_committed` goes on asking."""


class PostgresWriter:
    """A connection that saves batches, one at a time. It is made with the first batch, and anew when it broke."""

    def __init__(
        self,
        dsn: str,
        on_saved: Callable[[Iterable[Row | None], int], None],
        losses: Losses,
        *,
        batch_seconds: float = BATCH_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        """`on_saved` hears the rows of every batch that was saved, and the time of its id (Unix ms)."""
        self._queries = named_statements("postgres.sql")
        # The name tells this writer's lost sessions from those of others.
        name = f"onema writer {secrets.token_hex(8)}"
        self._link = Link(dsn, name, self._queries["end_lost_sessions"], losses)
        self._watchdog = Watchdog(self._link, batch_seconds)
        self._settle_seconds = settle_seconds
        self._on_saved = on_saved
        # Of the present batch, from its `begin` on:
        self._asked: Sequence[Key] = ()
        """The keys that it named, in lock order."""
        self._found: dict[Key, Row] = {}
        """The rows that were there, now locked."""
        self._places: dict[Key, bytes] = {}
        """Where those rows are, but for partitioned tables."""
        self._inserted: list[Row] = []
        """New rows that were sent before the commit."""

    async def connect(self) -> None:
        """Ahead of the first batch. Raises Unavailable."""
        await self._link.ready()

    async def close(self) -> None:
        await self._link.close()

    async def begin(self, keys: Sequence[Key]) -> dict[Key, Row]:
        link = await self._link.ready()
        self._watchdog.start()
        try:
            link.add("BEGIN")
            groups = [(row_type, list(group)) for row_type, group in itertools.groupby(keys, key=row_type_of)]
            for row_type, group in groups:
                few = spelled_out(len(group))
                link.add(lock_statement(row_type, few), _key_parameters(row_type, group, few))
            answers = await link.sync()
        except DRIVER_ERRORS as error:
            await self._undo(error)
            raise errors.translated(error) from error
        except BaseException:
            self._link.drop()
            raise
        found, places = dict[Key, Row](), dict[Key, bytes]()
        for (row_type, _), rows in zip(groups, answers.rows[1:], strict=False):
            _take_locked(row_type, rows, found, places)
        self._asked, self._found, self._places = keys, found, places
        self._inserted.clear()
        return dict(found)

    async def insert(self, rows: Sequence[Row]) -> None:
        """Sent, and not waited for: `commit` hears what became of them."""
        link = self._link.pipeline
        if link is None:
            return
        parts = defaultdict[type[Row], list[Row]](list)
        for row in rows:
            parts[type(row)].append(row)
        try:
            for row_type, new in parts.items():
                self._add_change(link, Save.INSERT, row_type, new)
            link.send()
        except DRIVER_ERRORS as error:
            await self._undo(error)
            raise errors.translated(error) from error
        self._inserted.extend(rows)

    async def commit(
        self,
        batch: int,
        written: Mapping[Key, Row | None],
        inserted: Sequence[Row],
        known: int = NEWEST,
    ) -> None:
        link = self._link.pipeline
        if link is None:
            self._watchdog.stop()
            raise Unavailable("the connection was lost before the batch was saved")
        try:
            self._add_changes(link, batch, written, inserted, known)
        except DRIVER_ERRORS as error:
            await self._undo(error)
            raise errors.translated(error) from error
        except BaseException:
            self._link.drop()
            raise
        await self._make_durable(link, written)
        self._on_saved(itertools.chain(self._inserted, inserted, written.values()), time_of_id(batch))

    async def abort(self) -> None:
        await self._undo(None)

    async def confirm(self, known: int = NEWEST) -> None:
        link = self._link.pipeline
        if link is None:
            self._watchdog.stop()
            raise Unavailable("the connection was lost before what the batch has read was confirmed")
        try:
            link.add(self._queries["refuse_outdated"], [binary_values.integer(known)])
            link.add("ROLLBACK")
            link.add(self._queries["wait_for_disk"])
            await link.sync()
        except DRIVER_ERRORS as error:
            await self._undo(error)
            raise errors.translated(error) from error
        except BaseException:
            self._link.drop()
            raise
        finally:
            self._watchdog.stop()

    async def was_committed(self, batch: int) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settle_seconds
        async for _ in delays():
            try:
                return await self._settle(batch)
            except StorageError as error:
                if loop.time() > deadline:
                    raise CommitUnknown(f"whether batch {batch} was saved is not known: {error}") from error
        raise AssertionError("delays never end")

    def _add_changes(
        self,
        link: Pipeline,
        batch: int,
        written: Mapping[Key, Row | None],
        inserted: Sequence[Row],
        known: int,
    ) -> None:
        parts = self._changes(written, inserted)
        for save, row_type in sorted(parts, key=lambda part: (TABLE_ORDER[part[1]], part[0].value)):
            self._add_change(link, save, row_type, parts[save, row_type])
        if any(key[0] is DirectoryRevision for key in written):
            link.add(self._queries["announce_directory"], [binary_values.text(DIRECTORY_CHANNEL)])
        if (DirectoryRevision, FENCE) in written:
            link.add(self._queries["keep_batches_out"])
            known = NEWEST
        link.add(self._queries["batch_saved"], [binary_values.integer(batch), binary_values.integer(known)])
        link.add(self._queries["let_go_at_commit"])
        link.add("COMMIT")
        link.add(self._queries["wait_for_disk"])

    def _changes(
        self, written: Mapping[Key, Row | None], inserted: Sequence[Row]
    ) -> dict[tuple[Save, type[Row]], list[Any]]:
        """The rows (keys, for DELETE) of every statement."""
        found, asked = self._found, set(self._asked)
        parts = defaultdict[tuple[Save, type[Row]], list[Any]](list)
        born: dict[type[Row], list[tuple[Key, Row]]] = defaultdict(list)
        for key, row in written.items():
            row_type = key[0]
            if row is None:
                if key in found:
                    parts[Save.DELETE, row_type].append(key)
            elif key in found and has_place(row_type):
                parts[Save.UPDATE, row_type].append(row)
            elif key in asked and key not in found:
                born[row_type].append((key, row))
            else:
                parts[Save.UPSERT, row_type].append(row)
        for row_type, pairs in born.items():
            # All nodes insert in key order, so that two of them cannot wait for each other.
            pairs.sort(key=itemgetter(0))
            parts[Save.INSERT, row_type] += [row for _, row in pairs]
        for row in inserted:
            parts[Save.INSERT, type(row)].append(row)
        return parts

    def _add_change(self, link: Pipeline, save: Save, row_type: type[Row], rows: Sequence[Any]) -> None:
        few = spelled_out(len(rows))
        statement = save_statement(save, row_type, few)
        if few:
            link.add(
                statement, binary_values.spelled_out(save_kinds(save, row_type), self._given(save, rows))
            )
        elif save is Save.INSERT:
            link.add(statement, after=copy_in(row_format(row_type).copy(rows)))
        else:
            columns = zip(*self._given(save, rows), strict=True)
            link.add(statement, list(map(binary_values.array, save_kinds(save, row_type), columns)))

    def _given(self, save: Save, rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """What a statement takes of each row (key, for DELETE), as `save_kinds` says."""
        for row in rows:
            if save is Save.DELETE:
                yield (self._places[row],) if has_place(row[0]) else row[1:]
            elif save is Save.UPDATE:
                yield (self._places[row.key], *astuple(row)[row.key_columns :])
            else:
                yield astuple(row)

    async def _make_durable(self, link: Pipeline, written: Mapping[Key, Row | None]) -> None:
        """Wait for the answers to all changes, to COMMIT and to what waits for the disk, which were sent together."""
        try:
            await link.sync()
        except DRIVER_ERRORS as error:
            # Committed, and perhaps not on the disk: `was_committed` makes it so.
            if link.has_committed or errors.commit_is_unknown(error):
                self._link.drop()
                raise CommitUnknown(errors.described(error)) from error
            await self._undo(error)
            if errors.is_duplicate(error) and await self._was_overtaken(link, written):
                raise Conflict(str(error)) from error
            raise errors.translated(error) from error
        except BaseException:
            self._link.drop()
            raise
        finally:
            self._watchdog.stop()
        if not link.has_committed:
            raise Conflict("COMMIT was answered with ROLLBACK")

    async def _undo(self, error: BaseException | None) -> None:
        """End the transaction without saving; a link that cannot even do that is cut."""
        link = self._link.pipeline
        try:
            if link is not None and error is not None and errors.link_is_useless(error):
                self._link.drop()
            elif link is not None and link.in_transaction:
                await link.undo()
        except DRIVER_ERRORS:
            self._link.drop()
        finally:
            self._watchdog.stop()

    async def _was_overtaken(self, link: Pipeline, written: Mapping[Key, Row | None]) -> bool:
        """Whether a row that was missing when this batch began is there now: another writer was faster."""
        born = [key for key in self._asked if key not in self._found and written.get(key) is not None]
        for row_type, keys in itertools.groupby(born, key=row_type_of):
            link.add(get_statement(row_type), _key_parameters(row_type, list(keys), 0))
        with contextlib.suppress(*DRIVER_ERRORS):
            return any((await link.sync()).rows)
        return False

    async def _settle(self, batch: int) -> bool:
        """One try at `was_committed`. What it finds committed is made durable once more: a row can be visible
        before the standby that our COMMIT waited for has it.
        """
        link = await self._link.ready()
        self._watchdog.start()
        try:
            link.add("BEGIN")
            link.add(self._queries["settle_batch"], [binary_values.integer(batch)])
            answers = await link.sync()
            is_new = answers.rows[1] == [binary_values.TRUE]
            link.add("ROLLBACK" if is_new else "COMMIT")
            await link.sync()
        except DRIVER_ERRORS as error:
            self._link.drop()
            raise Unavailable(errors.described(error)) from error
        finally:
            self._watchdog.stop()
        return not is_new


def _key_parameters(row_type: type[Row], keys: Sequence[Key], few: int) -> list[bytes]:
    if few:
        parameters = binary_values.spelled_out(key_kinds(row_type), (key[1:] for key in keys))
    else:
        parameters = [binary_values.array(kind, values) for kind, values in key_columns(row_type, keys)]
    return [*parameters, *map(binary_values.integer, key_bounds(row_type, keys))]


def _take_locked(
    row_type: type[Row], records: Sequence[bytes], found: dict[Key, Row], places: dict[Key, bytes]
) -> None:
    read, with_place = row_format(row_type).row, has_place(row_type)
    first = binary_values.FIRST_COLUMN + (binary_values.PLACE_COLUMN if with_place else 0)
    for record in records:
        row = read(record, first)
        key = row.key
        found[key] = row
        if with_place:
            places[key] = record[first - binary_values.PLACE_BYTES : first]
