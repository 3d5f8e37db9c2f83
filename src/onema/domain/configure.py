"""Every change of the configuration: documents in, those that differ out, decided under one lock."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from onema.domain import documents as doc
from onema.domain.decision import Context, Decision, World
from onema.domain.directory import Directory, DocumentKey
from onema.domain.document_rules import problems
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.records import DirectoryRevision, DirectoryRow, Key
from onema.domain.refusals import Refusal, Refused

REVISION = "directory"
"""The name of the row that counts changes."""
# Accounts keep their number for ever: messages and money are stored under it.
_ACCOUNT_NUMBERS = "account numbers"
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
    Raises Refused(CONFLICT) when the result would not hold together, saying why.
    """

    entropy: bytes
    documents: tuple[doc.AnyDocument, ...] = ()
    remove: tuple[tuple[str, str], ...] = ()

    def keys(self, context: Context) -> Iterable[Key]:
        return (
            (DirectoryRevision, REVISION),
            (DirectoryRevision, _ACCOUNT_NUMBERS),
            *((DirectoryRow, *key) for key in self._touched()),
        )

    def _touched(self) -> list[DocumentKey]:
        return [(document.kind, document.identity) for document in self.documents] + list(self.remove)

    def decide(self, world: World, context: Context) -> Decision:
        revision = _number(world, REVISION)
        if revision != context.directory.revision:
            raise Refused(Refusal.CONFLICT, "the configuration changed meanwhile; try again")
        before, last_number = context.directory.documents, _number(world, _ACCOUNT_NUMBERS)
        wanted: dict[DocumentKey, doc.Document | None] = dict.fromkeys(self.remove)
        for document in self.documents:
            key = (document.kind, document.identity)
            wanted[key] = document
            if isinstance(document, doc.Account):
                known = before.get(key)
                if not isinstance(known, doc.Account):
                    last_number += 1
                number = known.number if isinstance(known, doc.Account) else last_number
                wanted[key] = msgspec.structs.replace(document, number=number)
            if isinstance(document, doc.User):
                knew = before.get(key)
                logouts = knew.logouts if isinstance(knew, doc.User) else 0
                wanted[key] = msgspec.structs.replace(document, logouts=logouts)
        changes = tuple(_change(key, before.get(key), after) for key, after in wanted.items())
        if all(change.what == "unchanged" for change in changes):
            return Decision(changes)
        _refuse_what_does_not_hold(context.directory, wanted)
        changed = [
            (key, wanted[key])
            for key, change in zip(wanted, changes, strict=True)
            if change.what != "unchanged"
        ]
        return Decision(
            changes,
            puts=(
                DirectoryRevision(REVISION, revision + 1),
                DirectoryRevision(_ACCOUNT_NUMBERS, last_number),
                *(
                    DirectoryRow(
                        *key, revision + 1, encode_document(document, context.keyring, self._nonce(key))
                    )
                    for key, document in changed
                    if document is not None
                ),
            ),
            deletes=tuple((DirectoryRow, *key) for key, document in changed if document is None),
        )

    def _nonce(self, key: DocumentKey) -> bytes:
        """One nonce per document from the command's entropy, so that a replay seals to the same bytes."""
        return hmac.digest(self.entropy, "\0".join(key).encode(), hashlib.sha256)[:NONCE_BYTES]


def encode_document(document: doc.Document, keyring: Keyring, nonce: bytes) -> bytes:
    """The document as it rests in the store, its secret sealed."""
    sealed = {
        field: keyring.seal(getattr(document, field).encode(), nonce=nonce, bound_to=document.identity).hex()
        for field in document.secret_fields
    }
    return _encoder.encode(msgspec.structs.replace(document, **sealed) if sealed else document)


def decode_document(stored: bytes, keyring: Keyring) -> doc.Document:
    """The document with its secret in clear. Raises Unsealable, msgspec.DecodeError."""
    document: doc.Document = _decoder.decode(stored)
    opened = {
        field: keyring.open(bytes.fromhex(getattr(document, field)), bound_to=document.identity).decode()
        for field in document.secret_fields
    }
    return msgspec.structs.replace(document, **opened) if opened else document


def directory_from_rows(rows: Iterable[DirectoryRow], revision: int, keyring: Keyring) -> Directory:
    """The snapshot that the stored rows describe."""
    return Directory({(row.kind, row.name): decode_document(row.document, keyring) for row in rows}, revision)


def _number(world: World, name: str) -> int:
    row = world.get(DirectoryRevision, name)
    return row.revision if row else 0


def _refuse_what_does_not_hold(
    directory: Directory, wanted: Mapping[DocumentKey, doc.Document | None]
) -> None:
    """Raises Refused(CONFLICT) with every reason."""
    documents = {**directory.documents, **wanted}
    wrong = problems({key: document for key, document in documents.items() if document is not None})
    if not wrong:
        try:
            directory.replace(wanted, directory.revision + 1)
        except (ValueError, Refused) as error:
            wrong = [str(error)]
    if wrong:
        raise Refused(Refusal.CONFLICT, f"the configuration does not hold together: {'; '.join(wrong)}")


def _change(key: DocumentKey, before: doc.Document | None, after: doc.Document | None) -> Change:
    if before == after:
        return Change("unchanged", *key)
    if after is None:
        return Change("removed", *key)
    return Change("changed" if before else "created", *key)
