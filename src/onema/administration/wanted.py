"""What somebody who writes a configuration as a whole asks for."""

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import Problem

STORED = "\0stored"
"""Stands for what is stored. With its NUL it can be no value itself, and no rule would let it be stored."""


class TopUpEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Money to be booked once for an account."""

    account: str
    reference: str
    amount: str

    @property
    def identity(self) -> str:
        return f"{self.account}/{self.reference}"


class PasswordUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user whose password, not its hash, is in the file."""

    name: str
    password: str
    state: doc.State | None = None


class Content(msgspec.Struct):
    """What a file asks for, and all that is wrong with it.

    `unnamed_state` are the documents whose state the file leaves as it is. `mended` are those with problems, made fit
    to be looked at for more; of the `unreadable` it is known only that they are meant to be there.
    """

    documents: dict[tuple[str, str], doc.AnyDocument] = {}
    unnamed_state: set[tuple[str, str]] = set()
    passwords: dict[str, PasswordUser] = {}
    top_ups: dict[str, TopUpEntry] = {}
    problems: list[Problem] = []
    mended: dict[tuple[str, str], doc.Document] = {}
    unreadable: set[tuple[str, str]] = set()
