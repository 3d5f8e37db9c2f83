"""PostgreSQL's messages, without sockets: bytes to send, and what the server's bytes say.

Only what a pipeline of prepared statements needs; connecting, TLS and authentication are the driver's.
https://www.postgresql.org/docs/15/protocol-message-formats.html
"""

import struct
from collections.abc import Sequence

_HEADER = struct.Struct(">ci")
_LENGTH = struct.Struct(">i")
_ALL_BINARY = b"\0\1\0\1"
"""One format code for all: binary."""

SYNC = b"S\0\0\0\4"
TERMINATE = b"X\0\0\0\4"
# All four have no body, or one that never changes: S, X and c are their length alone, E the name of the portal
# and a limit.
_COPY_DONE = b"c\0\0\0\4"
_EXECUTE = b"E\0\0\0\x09\0\0\0\0\0"
"""The unnamed portal, all its rows."""


class ServerError(Exception):
    """The server refused a statement; `sqlstate` is its code."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


def message(kind: bytes, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body) + 4) + body


def prepare(name: bytes, statement: str) -> bytes:
    """Parse; the statement's own casts give its parameters their types."""
    return message(b"P", name + b"\0" + statement.encode() + b"\0\0\0")


def run(name: bytes, parameters: Sequence[bytes]) -> bytes:
    """Bind and execute a prepared statement; parameters are binary and carry their lengths (binary_values)."""
    body = b"\0%b\0%b%b%b%b" % (
        name,
        _ALL_BINARY,
        struct.pack(">h", len(parameters)),
        b"".join(parameters),
        _ALL_BINARY,
    )
    return message(b"B", body) + _EXECUTE


def copy_in(rows: bytes) -> bytes:
    """All the data of a COPY ... FROM STDIN that was just run. The server passes over it when the COPY failed."""
    return message(b"d", rows) + _COPY_DONE


class Answers:
    """What the server said to everything up to a Sync: rows by statement, the first error, its state then."""

    def __init__(self) -> None:
        self.rows: list[list[bytes]] = [[]]
        """A list per statement that ended, then one for the next."""
        self.error: ServerError | None = None
        """The first. The server skips what follows it, up to the Sync; a second can only be its farewell."""
        self.tag = b""
        """How the last statement ended."""
        self.has_committed = False
        """Whether a COMMIT was answered with its name: one that found a failed transaction is answered ROLLBACK."""
        self.in_transaction = False
        """What ReadyForQuery says: also true in a transaction that has failed."""


class Reader:
    """Puts the server's bytes together."""

    def __init__(self) -> None:
        self._buffer = b""
        """The beginning of a message whose end has not come yet."""
        self._answers = Answers()
        """What was said since the last Sync was answered."""

    def feed(self, data: bytes) -> list[Answers]:
        """The answers that these bytes complete."""
        complete = []
        buffer = self._buffer + data if self._buffer else data
        start, end = 0, len(buffer)
        while end - start >= _HEADER.size:
            # Other messages are the server's yes to Parse, Bind and COPY, and notices: nothing follows from them.
            kind, length = _HEADER.unpack_from(buffer, start)
            following = start + 1 + length
            if following > end:
                break
            if kind == b"D":
                self._answers.rows[-1].append(buffer[start + 5 : following])
            elif kind == b"C":
                self._answers.rows.append([])
                self._answers.tag = buffer[start + 5 : following - 1]
                self._answers.has_committed |= self._answers.tag == b"COMMIT"
            elif kind == b"E":
                self._answers.error = self._answers.error or _error(buffer[start + 5 : following])
            elif kind == b"Z":
                self._answers.in_transaction = buffer[following - 1 : following] != b"I"
                complete.append(self._answers)
                self._answers = Answers()
            start = following
        self._buffer = buffer[start:]
        return complete

    @property
    def error(self) -> ServerError | None:
        """The error of what is not complete yet: a server that ends a session says why, and no more."""
        return self._answers.error


def _error(body: bytes) -> ServerError:
    fields = {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
    return ServerError(fields.get(b"C", ""), fields.get(b"M", ""))
