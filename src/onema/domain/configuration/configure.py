"""Every change of the configuration: documents in, those that differ out, decided under one lock."""

import hashlib
import hmac
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.document_mappings import DocumentKey, DocumentsByKind, account_of
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.configuration.rules import After, problems
from onema.domain.decision import Context, Decision, World
from onema.domain.door_rows import UserAccess
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.records import DirectoryRevision, DirectoryRow, Key
from onema.domain.refusals import Refusal, Refused

REVISION = "directory"
"""The name of the row that counts changes."""
# Accounts keep their number for ever: messages and money are stored under it.
ACCOUNT_NUMBERS = "account numbers"
# What a sealed table has instead of its members; no setting has this name.
_SEALED = ""
_USER = str(doc.User.__struct_config__.tag)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(doc.AnyDocument)


class Change(msgspec.Struct, frozen=True):
    """What happened to one document."""

    what: Literal["created", "changed", "removed", "unchanged"]
    kind: str
    name: str


class Configure(msgspec.Struct, frozen=True, kw_only=True, tag="configure"):
    """Put `documents` (whole, secrets in clear) and remove the named (kind, identity) ones.

    Decided on the committer's snapshot, which must be the newest. Result: tuple of Change, in order.
    Raises InvalidConfiguration when the result would not hold together.
    """

    entropy: bytes
    documents: tuple[doc.AnyDocument, ...] = ()
    remove: tuple[tuple[str, str], ...] = ()
    judged: int | None = None
    """The revision on which somebody has already seen that the result holds together; it must be the newest."""

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (DirectoryRevision, REVISION),
            (DirectoryRevision, ACCOUNT_NUMBERS),
            *((DirectoryRow, *key) for key in self._touched()),
            *((UserAccess, name) for kind, name in self.remove if kind == _USER),
        )

    def _touched(self) -> list[DocumentKey]:
        return [(document.kind, document.identity) for document in self.documents] + list(self.remove)

    def decide(self, world: World, context: Context) -> Decision:
        revision = known_revision(world, context.directory, self.judged)
        last_number = _number(world, ACCOUNT_NUMBERS)
        proposal = Proposal(context.directory.documents, self.documents, self.remove, last_number)
        if self.judged is None and (wrong := tuple(problems(proposal.after))):
            raise InvalidConfiguration(wrong)
        changed = proposal.after.changed
        if not changed:
            return Decision(proposal.changes)
        refuse_away(context.directory, changed)
        after = context.directory.replace(changed, revision + 1)
        return Decision(
            proposal.changes,
            puts=(
                DirectoryRevision(REVISION, revision + 1),
                DirectoryRevision(ACCOUNT_NUMBERS, proposal.last_number),
                *(
                    DirectoryRow(
                        *key,
                        revision + 1,
                        encode_document(document, context.keyring, nonce_of(key, self.entropy)),
                    )
                    for key, document in changed.items()
                    if document is not None
                ),
            ),
            deletes=tuple(_left(world, changed)),
            directory=after,
        )


def refuse_away(directory: Directory, changed: Mapping[DocumentKey, doc.Document | None]) -> None:
    """What is changed of an account that lives in another cell would be of use to nobody. Raises Refused(CONFLICT)."""
    if not directory.away:
        return
    for key, after in changed.items():
        for document in (after, directory.documents.get(key)):
            name = account_of(document) if document is not None else ""
            view = directory.account_named.get(name)
            if view is not None and (away := directory.away.get(view.id)):
                raise Refused(Refusal.CONFLICT, f"the account {name} is not changed here: {away.detail}")


class Proposal:
    """What putting and removing documents would do: the `changes` to tell of, and what is there `after` them.

    A new account gets the number after `last_number`, which becomes the last that was given.
    """

    def __init__(
        self,
        before: Mapping[DocumentKey, doc.Document],
        documents: Iterable[doc.Document],
        remove: Iterable[DocumentKey],
        last_number: int = 0,
    ) -> None:
        self.last_number = last_number
        self._accounts = DocumentsByKind.of(before).kinds.get("account", {}).values()
        wanted: dict[DocumentKey, doc.Document | None] = dict.fromkeys(remove)
        for document in documents:
            key = (document.kind, document.identity)
            wanted[key] = self._with_what_is_ours(document, before.get(key))
        self.changes = tuple(_change(key, before.get(key), after) for key, after in wanted.items())
        differing = zip(wanted.items(), self.changes, strict=True)
        self.after = After(
            before, {key: after for (key, after), change in differing if change.what != "unchanged"}
        )

    def _with_what_is_ours(self, document: doc.Document, known: doc.Document | None) -> doc.Document:
        """Whoever configures knows no account's number, nor where it lives, and not how often a user has logged out
        or a breaker was closed.
        """
        match document:
            case doc.Account() if isinstance(known, doc.Account):
                return msgspec.structs.replace(
                    document, number=known.number, moving_to=known.moving_to, moved_to=known.moved_to
                )
            case doc.Account():
                self.last_number = self._free_number(self.last_number)
                return msgspec.structs.replace(document, number=self.last_number, moving_to="", moved_to="")
            case doc.Carrier() if isinstance(known, doc.Carrier):
                closed = max(document.breaker_closed, known.breaker_closed)
                return msgspec.structs.replace(document, breaker_closed=closed)
            case doc.User():
                logouts = known.logouts if isinstance(known, doc.User) else 0
                return msgspec.structs.replace(document, logouts=logouts)
            case _:
                return document

    def _free_number(self, last: int) -> int:
        """The next that no account has: one that has come from another cell brought its own."""
        taken = {one.number for one in self._accounts if isinstance(one, doc.Account)}
        return next(number for number in itertools.count(last + 1) if number not in taken)


def _left(world: World, changed: Mapping[DocumentKey, doc.Document | None]) -> Iterator[Key]:
    """The rows of what is removed: a user's passkeys and sessions are none of who comes under the same name later."""
    for key, document in changed.items():
        if document is not None:
            continue
        yield (DirectoryRow, *key)
        kind, name = key
        if kind == _USER and world.get(UserAccess, name) is not None:
            yield (UserAccess, name)


def nonce_of(key: DocumentKey, entropy: bytes) -> bytes:
    """One nonce per document from a command's entropy, so that a replay seals to the same bytes."""
    return hmac.digest(entropy, "\0".join(key).encode(), hashlib.sha256)[:NONCE_BYTES]


def encode_document(document: doc.Document, keyring: Keyring, nonce: bytes) -> bytes:
    """The document as it rests in the store, its secrets sealed."""
    sealed: dict[str, Any] = {}
    for field in document.secret_fields:
        value = getattr(document, field)
        # Two texts under one nonce would give both away, and let others seal.
        own = hmac.digest(nonce, field.encode(), hashlib.sha256)[:NONCE_BYTES]
        if isinstance(value, str) and value:
            sealed[field] = keyring.seal(value.encode(), nonce=own, bound_to=document.identity).hex()
        elif value:
            whole = keyring.seal(_encoder.encode(value), nonce=own, bound_to=document.identity)
            sealed[field] = {_SEALED: whole.hex()}
    return _encoder.encode(msgspec.structs.replace(document, **sealed) if sealed else document)


def decode_document(stored: bytes, keyring: Keyring) -> doc.Document:
    """The document with its secrets in clear. Raises Unsealable, msgspec.DecodeError."""
    document: doc.Document = _decoder.decode(stored)
    opened: dict[str, Any] = {}
    for field in document.secret_fields:
        value = getattr(document, field)
        if not value:
            # It has none, or an older release wrote it.
            continue
        if isinstance(value, str):
            opened[field] = keyring.open(bytes.fromhex(value), bound_to=document.identity).decode()
        elif _SEALED in value:
            whole = keyring.open(bytes.fromhex(value[_SEALED]), bound_to=document.identity)
            opened[field] = msgspec.json.decode(whole)
    return msgspec.structs.replace(document, **opened) if opened else document


def sealed_in(stored: bytes) -> Iterator[bytes]:
    """All that is sealed in a document as it rests. Raises msgspec.DecodeError."""
    document: doc.Document = _decoder.decode(stored)
    for field in document.secret_fields:
        value = getattr(document, field)
        if isinstance(value, str):
            yield bytes.fromhex(value)
        elif _SEALED in value:
            yield bytes.fromhex(value[_SEALED])


def rests_in_clear(stored: bytes) -> bool:
    """Whether the row was written when tables of settings were not sealed yet. Raises msgspec.DecodeError."""
    document: doc.Document = _decoder.decode(stored)
    return any(
        bool(value) and not isinstance(value, str) and _SEALED not in value
        for value in (getattr(document, field) for field in document.secret_fields)
    )


def directory_from_rows(rows: Iterable[DirectoryRow], revision: int, keyring: Keyring) -> Directory:
    """The snapshot that the stored rows describe."""
    return Directory({(row.kind, row.name): decode_document(row.document, keyring) for row in rows}, revision)


def known_revision(world: World, directory: Directory, judged: int | None = None) -> int:
    """The revision that the store has. Raises Refused(CONFLICT) when the directory is of another, or when somebody has
    `judged` another.
    """
    revision = _number(world, REVISION)
    if revision != directory.revision or judged not in (None, revision):
        raise Refused(Refusal.CONFLICT, "the configuration changed meanwhile; try again")
    return revision


def _number(world: World, name: str) -> int:
    row = world.get(DirectoryRevision, name)
    return row.revision if row else 0


def _change(key: DocumentKey, before: doc.Document | None, after: doc.Document | None) -> Change:
    if before == after:
        return Change("unchanged", *key)
    if after is None:
        return Change("removed", *key)
    return Change("changed" if before else "created", *key)
