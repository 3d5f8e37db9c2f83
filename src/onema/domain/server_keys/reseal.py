"""What rests under which server key, and sealing it again under the one in use.

What is sealed is opened and sealed again. A MAC cannot be made again without what it was made of, so what has one goes
when its time is over: codes within minutes, requests within a day, links within a month. Recovery codes have no time;
their users make new ones.
"""

import contextlib
import hashlib
import hmac
from collections.abc import Iterable, Iterator

import msgspec

from onema.domain.codes.channel_plan import progress_of
from onema.domain.codes.refused_text import KEPT
from onema.domain.configuration.configure import decode_document, encode_document, nonce_of, sealed_in
from onema.domain.decision import Context, Decision, World
from onema.domain.door_rows import Invitation, UserAccess
from onema.domain.keyring import NONCE_BYTES, Keyring, Unsealable
from onema.domain.people.access import read_access, seed_bound_to, written_access
from onema.domain.records import DirectoryRow, Event, InboxItem, Job, JobKind, Key, LiveVerification, Row
from onema.domain.request_key import RequestKey

RESTING: tuple[type[Row], ...] = (
    DirectoryRow,
    UserAccess,
    Invitation,
    Job,
    LiveVerification,
    RequestKey,
    InboxItem,
    Event,
)
"""The tables in which something rests under a server key."""

SEALED_JOBS = frozenset((JobKind.SMS, JobKind.SCHEDULED, JobKind.CALL, JobKind.RESEND))


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A look through the tables: how many rows of each were `seen`, how many values sealed again, and how many were
    found that rest under another key than the one in use and cannot be made again (`left`), by table.

    It began and ended (0: it has not) at Unix ms, and was for the key `in_use`.
    """

    in_use: int
    began_at: int
    ended_at: int = 0
    seen: dict[str, int] = msgspec.field(default_factory=dict)
    resealed: dict[str, int] = msgspec.field(default_factory=dict)
    left: dict[str, int] = msgspec.field(default_factory=dict)


def sealed_under(row: Row, keyring: Keyring) -> list[int]:
    """The fingerprint of the key of each sealed value of a row; 0 for one that is not held."""
    return [keyring.key_of_sealed(one) for one in _sealed(row)]


def marked_under(row: Row, keyring: Keyring, now: int) -> list[int]:
    """The same of each MAC that is good for anything still."""
    if getattr(row, "expires_at", now + 1) <= now:
        return []
    return [keyring.key_of_mac(one) for one in _macs(row)]


def _sealed(row: Row) -> Iterator[bytes]:
    match row:
        case DirectoryRow():
            yield from sealed_in(row.document)
        case UserAccess():
            if (totp := read_access(row).totp) is not None:
                yield bytes.fromhex(totp.seed)
        case Job():
            if row.payload and row.kind in SEALED_JOBS:
                yield row.payload
        case LiveVerification():
            if row.plan:
                yield row.plan
        case InboxItem():
            yield row.content
        case Event():
            if row.kind == KEPT and row.data:
                yield bytes.fromhex(row.data)


def _macs(row: Row) -> Iterator[bytes]:
    match row:
        case UserAccess():
            yield from map(bytes.fromhex, read_access(row).recovery)
        case Invitation():
            yield bytes.fromhex(row.digest)
        case RequestKey():
            # It may be what the request itself said, which is no MAC.
            with contextlib.suppress(ValueError):
                yield bytes.fromhex(row.digest)
        case LiveVerification():
            # A carrier's own code has none, nor has a row that only counts wrong checks.
            if row.verification and len(row.code_hash) > 2:
                yield row.code_hash
            if (progress := progress_of(row)) is not None and progress.asked:
                yield bytes.fromhex(progress.asked)


def resealed(row: Row, keyring: Keyring, entropy: bytes) -> Row:
    """The row with all that is sealed in it sealed under the key in use. Raises Unsealable."""

    def again(sealed: bytes, bound_to: str) -> bytes:
        nonce = hmac.digest(entropy, f"{row.table}\0{row.key[1:]}".encode(), hashlib.sha256)[:NONCE_BYTES]
        return keyring.seal(keyring.open(sealed, bound_to=bound_to), nonce=nonce, bound_to=bound_to)

    if set(sealed_under(row, keyring)) <= {keyring.fingerprint}:
        return row
    match row:
        case DirectoryRow():
            document = decode_document(row.document, keyring)
            nonce = nonce_of((row.kind, row.name), entropy)
            return msgspec.structs.replace(row, document=encode_document(document, keyring, nonce))
        case UserAccess():
            access = read_access(row)
            assert access.totp is not None  # noqa: S101  # nothing else of it is sealed
            seed = again(bytes.fromhex(access.totp.seed), seed_bound_to(row.name)).hex()
            totp = msgspec.structs.replace(access.totp, seed=seed)
            return written_access(row.name, msgspec.structs.replace(access, totp=totp))
        case Job():
            return msgspec.structs.replace(row, payload=again(row.payload, f"job:{row.message}"))
        case InboxItem():
            return msgspec.structs.replace(row, content=again(row.content, f"job:{row.id}"))
        case LiveVerification():
            return msgspec.structs.replace(row, plan=again(row.plan, f"plan:{row.verification}"))
        case Event():
            data = again(bytes.fromhex(row.data), f"refused text:{row.subject}").hex()
            return msgspec.structs.replace(row, data=data)
    raise TypeError(f"nothing rests sealed in {row.table}")


class Reseal(msgspec.Struct, frozen=True):
    """Seal again what rests in these rows under another key than the one in use. What no key opens stays as it is.

    Result: how many rows were changed.
    """

    rows: tuple[Key, ...]
    entropy: bytes

    def keys(self, context: Context) -> Iterable[Key]:
        return self.rows

    def decide(self, world: World, context: Context) -> Decision:
        changed = []
        for key in self.rows:
            row = world.get(*key)
            if row is None:
                continue
            try:
                after = resealed(row, context.keyring, self.entropy)
            except Unsealable:
                continue
            if after != row:
                changed.append(after)
        return Decision(len(changed), puts=tuple(changed))


def is_sealed_elsewhere(row: Row, keyring: Keyring) -> bool:
    """Whether something in it is sealed under a key that is held and not in use."""
    return _has_another(sealed_under(row, keyring), keyring)


def is_marked_elsewhere(row: Row, keyring: Keyring, now: int) -> bool:
    """Whether a MAC in it that is good for something was made under such a key."""
    return _has_another(marked_under(row, keyring, now), keyring)


def _has_another(keys: Iterable[int], keyring: Keyring) -> bool:
    return any(one and one != keyring.fingerprint for one in keys)
