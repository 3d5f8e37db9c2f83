"""Commands that wait, and which of them are decided together."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from onema.domain.decision import Command, Context, Decision
from onema.domain.delivery.payload import Payload
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.records import Job, Key, Row
from onema.domain.tables import TABLE_ORDER


class Pending(msgspec.Struct, gc=False):
    """A command and who waits for it. `keys` is None when it cannot tell them, and `decision` says why."""

    command: Command
    future: asyncio.Future[Any]
    keys: tuple[Key, ...] | None = ()
    asked_with: Context | None = None
    decision: Decision | Exception | None = None

    def ask_keys(self, context: Context) -> tuple[Key, ...]:
        """The rows it needs; none for a command that raises, which must not fail the others."""
        if self.asked_with is not context:
            self.asked_with, self.decision = context, None
            try:
                self.keys = tuple(self.command.keys(context))
            except Exception as error:  # noqa: BLE001
                self.keys, self.decision = None, error
        return self.keys or ()


class Born(NamedTuple):
    """What a job that was just born holds, and what started its first attempt in the same commit, if anything did."""

    payload: Payload
    start: StartAttempt | None = None


class Batch:
    """Commands that are decided over one load of their rows and committed together.

    `context` is what all of them are decided with, also when the batch is replayed.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.pending: list[Pending] = []
        """In order of arrival; `gather` puts them in."""
        self.keys: set[Key] = set()
        """The rows of all of them."""
        self.jobs: list[Job] = []
        """Its new jobs that this process will get once the batch is durable; JobLeasing puts them in and out."""
        self.born: dict[int, Born] = {}
        """More about these jobs, by their ids, where their command told what they hold."""

    def __len__(self) -> int:
        return len(self.pending)

    def keys_in_lock_order(self) -> list[Key]:
        """Every batch locks in this order, so that batches cannot deadlock."""
        by_table: dict[type[Row], list[Key]] = {}
        for key in self.keys:
            by_table.setdefault(key[0], []).append(key)
        return [
            key for table in sorted(by_table, key=TABLE_ORDER.__getitem__) for key in sorted(by_table[table])
        ]

    def renew(self, context: Context) -> None:
        """Decide the same commands with a newer configuration, for which they may need other rows."""
        self.context = context
        self.keys = {key for pending in self.pending for key in pending.ask_keys(context)}

    def refuse(self, why: Exception) -> None:
        """What was decided about each command does not hold."""
        for pending in self.pending:
            pending.decision = why

    def halves(self) -> Sequence["Batch"]:
        """The same commands in two batches, to be committed one after the other, each with all keys."""
        middle = len(self) // 2
        first, second = Batch(self.context), Batch(self.context)
        first.pending, second.pending = self.pending[:middle], self.pending[middle:]
        first.keys = second.keys = self.keys
        first.jobs = second.jobs = self.jobs
        first.born = second.born = self.born
        return first, second


def gather(
    waiting: Sequence[Pending], context: Context, limit: int, *held: set[Key]
) -> tuple[Batch, list[Pending]]:
    """(the next batch, who goes on waiting): up to `limit` commands that share no row with `held`.

    Commands that share a row keep their order of arrival: one that has to wait holds its rows against later ones.
    """
    batch, left, taken = Batch(context), list[Pending](), set[Key]().union(*held)
    for number, pending in enumerate(waiting):
        if len(batch) == limit:
            left.extend(waiting[number:])
            break
        keys = pending.ask_keys(context)
        if not taken or taken.isdisjoint(keys):
            batch.pending.append(pending)
            batch.keys.update(keys)
        else:
            taken.update(keys)
            left.append(pending)
    return batch, left
