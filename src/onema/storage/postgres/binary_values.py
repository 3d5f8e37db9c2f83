"""Columns and rows in PostgreSQL's binary formats, many values at a time.

Integers go through `struct` by the column, texts through a dictionary: a batch repeats most of them.
https://www.postgresql.org/docs/15/sql-copy.html (binary format); arrays and the rest as their `*_send` functions do.
"""

import functools
import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from onema.domain.records import Row, column_types

R = TypeVar("R", bound=Row)

FIRST_COLUMN = 2
"""Where the first column of a DataRow message begins."""
PLACE_BYTES = 6
"""A row's place in its table (`ctid`), which is passed on as it came."""
PLACE_COLUMN = 4 + PLACE_BYTES
TRUE = b"\0\1\0\0\0\1\1"
"""The DataRow of one column that is true."""

# The signature, no flags, no extension of the header; the trailer is a row of -1 columns.
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_LENGTH = struct.Struct(">i")
# array_send: dimensions, whether any element is null, the elements' type; then length and lower bound of the dimension.
_ARRAY = struct.Struct(">iiIii")


class Place(bytes):
    """Where a locked row is."""


# Types of PostgreSQL itself, whose numbers are the same in every database:
# github.com/postgres/postgres, src/include/catalog/pg_type.dat.
_OIDS: dict[type, int] = {int: 20, str: 25, bytes: 17, bool: 16, Place: 27}
_INTEGER_BYTES = 12
"""An integer with its length."""

_LENGTHS = tuple(map(_LENGTH.pack, range(1024)))
_BOOLEANS = (_LENGTH.pack(1) + b"\0", _LENGTH.pack(1) + b"\1")


def integer(value: int) -> bytes:
    return struct.pack(">iq", 8, value)


def text(value: str) -> bytes:
    return _sized(value.encode())


def array(kind: type, values: Sequence[Any]) -> bytes:
    """One column of many rows as a parameter. Raises OverflowError or ValueError for what has no such form."""
    elements = _integers(values) if kind is int else b"".join(_ELEMENTS[kind](values))
    head = _ARRAY.pack(1, 0, _OIDS[kind], len(values), 1)
    return _LENGTH.pack(len(head) + len(elements)) + head + elements


def spelled_out(kinds: Sequence[type], rows: Iterable[Sequence[Any]]) -> list[bytes]:
    """Every value of a few rows as a parameter. Raises as `array` does."""
    encode = [_VALUES[kind] for kind in kinds]
    try:
        return [each(value) for row in rows for each, value in zip(encode, row, strict=True)]
    except struct.error as error:
        raise OverflowError(f"an integer of more than 64 bits: {error}") from error


def _sized(value: bytes) -> bytes:
    size = len(value)
    return (_LENGTHS[size] if size < len(_LENGTHS) else _LENGTH.pack(size)) + value


class _Texts(dict[str, bytes]):
    """Of one column and one batch: most of its texts are the same few names, states and prefixes."""

    def __missing__(self, value: str) -> bytes:
        encoded = self[value] = _sized(value.encode())
        return encoded


def _texts(values: Iterable[str]) -> Iterable[bytes]:
    return map(_Texts().__getitem__, values)


_VALUES: dict[type, Callable[[Any], bytes]] = {
    int: functools.partial(struct.Struct(">iq").pack, 8),
    str: text,
    bytes: _sized,
    bool: _BOOLEANS.__getitem__,
    Place: _sized,
}

_ELEMENTS: dict[type, Callable[[Iterable[Any]], Iterable[bytes]]] = {
    str: _texts,
    bytes: functools.partial(map, _sized),
    bool: functools.partial(map, _BOOLEANS.__getitem__),
    Place: functools.partial(map, _sized),
}


# `struct` has to read its format before it packs; the sizes of batches repeat.
@functools.lru_cache(maxsize=128)
def _packer(count: int) -> struct.Struct:
    return struct.Struct(">" + "iq" * count)


def _integers(values: Sequence[int]) -> bytes:
    flat = [8] * (2 * len(values))
    flat[1::2] = values
    try:
        return _packer(len(values)).pack(*flat)
    except struct.error as error:
        raise OverflowError(f"an integer of more than 64 bits: {error}") from error


class RowFormat:
    """How rows of one type look on the wire; neighbouring integers are handled together."""

    def __init__(self, row_type: type[Row]) -> None:
        kinds = list(column_types(row_type).values())
        self._row_type = row_type
        self._head = struct.pack(">h", len(kinds))
        self._runs: list[tuple[type, int, int]] = []
        """(type, first column, columns): several for integers, one for everything else."""
        for kind, run in itertools.groupby(range(len(kinds)), key=kinds.__getitem__):
            columns = list(run)
            if kind is int:
                self._runs.append((kind, columns[0], len(columns)))
            else:
                self._runs.extend((kind, column, 1) for column in columns)

    def copy(self, rows: Iterable[Row]) -> bytes:
        """Rows as COPY takes them."""
        columns: list[Any] = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
        count = len(columns[0])
        pieces: list[Iterable[bytes]] = [itertools.repeat(self._head, count)]
        for kind, first, width in self._runs:
            if kind is int:
                integers = _integers(
                    tuple(itertools.chain(*zip(*columns[first : first + width], strict=True)))
                )
                size = width * _INTEGER_BYTES
                pieces.append([integers[start : start + size] for start in range(0, count * size, size)])
            else:
                pieces.append(_ELEMENTS[kind](columns[first]))
        fields = itertools.chain.from_iterable(zip(*pieces, strict=True))
        return b"".join((_COPY_HEADER, *fields, _COPY_TRAILER))

    def row(self, data: bytes, offset: int = FIRST_COLUMN) -> Row:
        """A row from the columns of a DataRow message that start at `offset`."""
        values: list[Any] = []
        for kind, _, width in self._runs:
            if kind is int:
                values += _packer(width).unpack_from(data, offset)[1::2]
                offset += width * _INTEGER_BYTES
                continue
            (size,) = _LENGTH.unpack_from(data, offset)
            offset += 4 + size
            value = data[offset - size : offset]
            values.append(value.decode() if kind is str else value if kind is bytes else value == b"\1")
        return self._row_type(*values)


row_format = functools.cache(RowFormat)
