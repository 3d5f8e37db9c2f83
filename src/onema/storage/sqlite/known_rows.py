"""Rows as this process left them in the store: it alone writes there, so what it wrote a moment ago it need not read.

Most rows that a command loads were written by the command before it: an attempt's outcome loads what its start saved.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from onema.domain.records import Key, Row

MOST_ROWS = 4_096
"""Of each table; those that have been known for longest are forgotten first."""


class KnownRows:
    """By key; None for one that the store has not."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._tables: defaultdict[type[Row], dict[Key, Row | None]] = defaultdict(dict)
        """Only of tables that a batch has asked for: of the others no row is ever loaded."""

    def among(self, keys: Sequence[Key]) -> tuple[dict[Key, Row], list[Key]]:
        """(those of `keys` that are known and exist, those that must be read)."""
        found: dict[Key, Row] = {}
        unknown: list[Key] = []
        for key in keys:
            table = self._tables[key[0]]
            if key in table:
                row = table[key]
                if row is not None:
                    found[key] = row
            else:
                unknown.append(key)
        return found, unknown

    def learn(self, rows: Iterable[tuple[Key, Row | None]]) -> None:
        """These are in the store now, durable."""
        for key, row in rows:
            table = self._tables.get(key[0])
            if table is not None:
                table[key] = row
                if len(table) > self._most:
                    del table[next(iter(table))]

    def learn_new(self, rows: Iterable[Row]) -> None:
        """The same, for rows that were inserted."""
        self.learn((row.key, row) for row in rows if type(row) in self._tables)

    def forget(self, *tables: type[Row]) -> None:
        """Somebody else than a batch changed these tables."""
        for table in tables:
            self._tables[table].clear()

    def forget_all(self) -> None:
        self.forget(*self._tables)
