"""The one table of the guard: what is counted of a subject, all of it in one row."""

from typing import Generic, TypeVar

import msgspec

from onema.domain.ids import AccountId
from onema.domain.records import Key, Row

S = TypeVar("S", bound=msgspec.Struct)

_encoder = msgspec.msgpack.Encoder()


class GuardSubject(Row, frozen=True, gc=False):
    """Everything that the guard counts of one subject of an account. `state` is a struct of the module that counts it,
    packed; the first word of `subject` says which.
    """

    table = "guard_subjects"
    key_columns = 2

    account: AccountId
    subject: str
    state: bytes
    expires_at: int

    @property
    def key(self) -> Key:
        return (GuardSubject, self.account, self.subject)


def until(now: int, ms: int) -> int:
    """When a row may go that is of use for `ms` more: a moment that seldom changes, since an index holds it."""
    return (now // ms + 2) * ms


def pack(state: msgspec.Struct) -> bytes:
    return _encoder.encode(state)


class Packed(Generic[S]):
    """Reads the states of one kind of subject."""

    def __init__(self, kind: type[S]) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._kind = kind

    def of(self, row: GuardSubject | None) -> S:
        """A state that may be changed; a fresh one where there is no row."""
        return self._decoder.decode(row.state) if row is not None else self._kind()
