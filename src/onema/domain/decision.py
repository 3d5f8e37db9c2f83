"""How a command is decided: keys to load, a small world of rows, and the changes that come out.

A command is a frozen struct that names the rows it needs (`keys`) and decides over them (`decide`). It never
does I/O: time, ids and entropy come inside the command. The committer loads the rows of a whole batch, decides
each command in order of arrival and saves all changes in one transaction; a later command of the batch sees
what an earlier one changed, and a command that raises leaves no trace.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from onema.domain.configuration.directory import Directory
from onema.domain.keyring import Keyring
from onema.domain.records import Key, Row

R = TypeVar("R", bound=Row)


class Context(msgspec.Struct, frozen=True):
    """What every decision of a batch may look at besides its rows. It is the same when a batch is replayed."""

    directory: Directory
    keyring: Keyring


class Decision(msgspec.Struct, gc=False):
    """The result for the caller, and what changes: rows put over loaded ones, new rows, deleted keys.

    `directory` is the snapshot that holds once a change of the configuration is committed. `unsealed` is the
    payload of the job of this id among the new rows, for a process that hands it over at once. `then` is a command that
    the process decides later, if it lives: what it changes may be lost.
    """

    result: Any
    puts: tuple[Row, ...] = ()
    inserts: tuple[Row, ...] = ()
    deletes: tuple[Key, ...] = ()
    directory: Directory | None = None
    unsealed: tuple[int, Any] | None = None
    then: "Command | None" = None


class Command(Protocol):
    """Every state change of the product."""

    def keys(self, context: Context) -> Iterable[Key]:
        """The rows this decision reads or puts; loaded and locked before `decide`."""

    def decide(self, world: "World", context: Context) -> Decision:
        """Pure. Raises Refused to change nothing."""


class World:
    """The loaded rows of a batch, as the commands decided so far left them."""

    def __init__(self, rows: Mapping[Key, Row]) -> None:
        self._rows: dict[Key, Row | None] = dict(rows)
        """What the next decision sees; None where one has deleted it."""
        self.has_changed = False
        """Whether there is anything to save."""
        self.written: dict[Key, Row | None] = {}
        """Loaded rows as they are now, to be saved over the old ones; None deletes."""
        self.inserted: list[Row] = []
        """New rows that the store does not have yet."""
        self.unsealed: dict[int, Any] = {}
        """The payloads of new jobs by their ids; it goes to this process's dispatcher, and never anywhere else."""

    def get(self, row_type: type[R], *key: int | str) -> R | None:
        return self._rows.get((row_type, *key))  # type: ignore[return-value]  # a key starts with its row's type

    def trial(self) -> "World":
        """One to try decisions in: they see each other's changes there, and this world none of them."""
        return World({key: row for key, row in self._rows.items() if row is not None})

    def apply(self, decision: Decision) -> None:
        for row in decision.puts:
            key = row.key
            self._rows[key] = self.written[key] = row
        for key in decision.deletes:
            self._rows[key] = self.written[key] = None
        self.inserted.extend(decision.inserts)
        if decision.unsealed is not None:
            job, payload = decision.unsealed
            self.unsealed[job] = payload
        self.has_changed = self.has_changed or bool(decision.puts or decision.inserts or decision.deletes)
