"""Every change of the configuration: documents in, those that differ out, decided under one lock."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from onema.domain import documents as doc
from onema.domain.decision import Context, Decision, World
from onema.domain.directory import Directory, DocumentKey
from onema.domain.keyring import NONCE_BYTES, Keyring
from onema.domain.records import DirectoryRevision, DirectoryRow, Key
from onema.domain.refusals import Refusal, Refused

LIVE_CREDENTIALS = 2
"""So that a client can move to new keys without a gap."""

_REVISION = "directory"
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
        return ((DirectoryRevision, _REVISION), *((DirectoryRow, *key) for key in self._touched()))

    def _touched(self) -> list[DocumentKey]:
        return [(document.kind, document.identity) for document in self.documents] + list(self.remove)

    def decide(self, world: World, context: Context) -> Decision:
        locked = world.get(DirectoryRevision, _REVISION)
        revision = locked.revision if locked else 0
        if revision != context.directory.revision:
            raise Refused(Refusal.CONFLICT, "the configuration changed meanwhile; try again")
        before = context.directory.documents
        wanted: dict[DocumentKey, doc.Document | None] = dict.fromkeys(self.remove)
        for document in self.documents:
            wanted[document.kind, document.identity] = _numbered(document, before, wanted)
        changes = tuple(_change(key, before.get(key), after) for key, after in wanted.items())
        if all(change.what == "unchanged" for change in changes):
            return Decision(changes)
        try:
            after = context.directory.replace(wanted, revision + 1)
        except (KeyError, ValueError) as error:
            raise Refused(Refusal.CONFLICT, f"the configuration does not hold together: {error}") from error
        _check(after)
        changed = [
            (key, wanted[key])
            for key, change in zip(wanted, changes, strict=True)
            if change.what != "unchanged"
        ]
        return Decision(
            changes,
            puts=(
                DirectoryRevision(_REVISION, revision + 1),
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


def _numbered(
    document: doc.Document,
    before: Mapping[DocumentKey, doc.Document],
    wanted: Mapping[DocumentKey, doc.Document | None],
) -> doc.Document:
    """Accounts get their number once: the next free one, counted under the directory's lock."""
    if not isinstance(document, doc.Account):
        return document
    known = before.get((document.kind, document.identity))
    if isinstance(known, doc.Account):
        return msgspec.structs.replace(document, number=known.number)
    taken = [
        account.number for account in (*before.values(), *wanted.values()) if isinstance(account, doc.Account)
    ]
    return msgspec.structs.replace(document, number=max(taken, default=0) + 1)


def _change(key: DocumentKey, before: doc.Document | None, after: doc.Document | None) -> Change:
    if before == after:
        return Change("unchanged", *key)
    if after is None:
        return Change("removed", *key)
    return Change("changed" if before else "created", *key)


def _check(directory: Directory) -> None:
    """Whatever a name refers to exists, and what must be unique is. Raises Refused(CONFLICT)."""
    problems: list[str] = []
    for application in directory.of_kind(doc.Application):
        if application.account not in directory.account_named:
            problems.append(f"application {application.identity!r}: no account {application.account!r}")
    appids = [application.appid for application in directory.of_kind(doc.Application) if application.appid]
    if len(appids) != len(set(appids)):
        problems.append("two applications share an appid")
    live: dict[tuple[str, str, str], int] = {}
    for credential in directory.of_kind(doc.Credential):
        owner = (credential.account, credential.dialect, credential.application)
        live[owner] = live.get(owner, 0) + (credential.state == "active")
        account = directory.account_named[credential.account]
        if credential.application and credential.application not in account.applications:
            problems.append(f"credential {credential.identity!r}: no application {credential.application!r}")
    for (account_name, dialect, _), count in live.items():
        if count > LIVE_CREDENTIALS:
            problems.append(f"account {account_name!r} has {count} live {dialect} credentials; 2 may live")
    for brandname in directory.of_kind(doc.Brandname):
        if brandname.account not in directory.account_named:
            problems.append(f"brandname {brandname.identity!r}: no account {brandname.account!r}")
        if not 1 <= len(brandname.name) <= 11 or not brandname.name.isascii():
            problems.append(f"brandname {brandname.name!r} must have 1 to 11 ASCII characters")
    for template in directory.of_kind(doc.Template):
        if ("brandname", f"{template.account}/{template.brandname}") not in directory.documents:
            problems.append(f"template {template.text!r}: no brandname {template.brandname!r}")
    for customer in directory.of_kind(doc.Account):
        if ("tariff", customer.tariff) not in directory.documents:
            problems.append(f"account {customer.name!r}: no tariff {customer.tariff!r}")
    for hotline in directory.of_kind(doc.Hotline):
        if hotline.pool not in directory.pools:
            problems.append(f"hotline {hotline.number!r}: no pool {hotline.pool!r}")
    for route in directory.of_kind(doc.Route):
        if route.carrier not in directory.carriers:
            problems.append(f"route {route.identity!r}: no carrier {route.carrier!r}")
    if problems:
        raise Refused(Refusal.CONFLICT, "; ".join(problems))
