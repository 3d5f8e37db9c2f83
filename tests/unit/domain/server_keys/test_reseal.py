"""Everything that rests under a former key is sealed again, and what cannot be is known."""

from collections.abc import Callable

import pytest

from onema.domain.codes.channel_plan import HowToSend, Step, opened
from onema.domain.codes.channel_plan import seal as seal_plan
from onema.domain.codes.refused_text import kept_text, note
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import decode_document, encode_document
from onema.domain.configuration.directory import Directory
from onema.domain.decision import Context
from onema.domain.delivery.payload import SmsPayload, open_payload, seal_payload
from onema.domain.door_rows import Invitation
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring, ServerKey, Unsealable
from onema.domain.people.access import Access, Totp, read_access, seed_bound_to, written_access
from onema.domain.records import Channel, DirectoryRow, InboxItem, Job, JobKind, LiveVerification, Row
from onema.domain.request_key import RequestKey
from onema.domain.server_keys.reseal import (
    RESTING,
    Reseal,
    is_marked_elsewhere,
    is_sealed_elsewhere,
    resealed,
)
from onema.domain.tables import TABLES
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore

ACCOUNT, MESSAGE, PHONE = AccountId(1), MessageId(7), Phone("+84901888484")
OLD, NEW = ServerKey(b"o" * 32), ServerKey(b"n" * 32, named=True)
NONCE = bytes(12)
PAYLOAD = SmsPayload(PHONE, "Acme", "123456 is your code", valid_until=0)
CREDENTIAL = doc.Credential(account="acme", dialect="native", key="K", secret="a long secret")
CARRIER = doc.Carrier(name="gw", type="http", settings={"url": "https://x", "secrets": ["s"]})
HOW = HowToSend((Step(Channel.SMS),), "native", "VN", "", "", "", "", code="123456")


def keyring(in_use: ServerKey = OLD) -> Keyring:
    ring = Keyring(OLD, NEW)
    ring.use(in_use.fingerprint)
    return ring


def job(kind: JobKind, payload: bytes) -> Job:
    return Job(int(MESSAGE), kind, ACCOUNT, MESSAGE, 0, 0, 0, False, payload)


def document(ring: Keyring, of: doc.Document) -> DirectoryRow:
    return DirectoryRow(of.kind, of.identity, 1, encode_document(of, ring, NONCE))


SEALED: dict[str, tuple[Callable[[Keyring], Row], Callable[[Row, Keyring], object]]] = {
    "credential": (
        lambda ring: document(ring, CREDENTIAL),
        lambda row, ring: decode_document(row.document, ring),  # type: ignore[attr-defined]
    ),
    "carrier": (
        lambda ring: document(ring, CARRIER),
        lambda row, ring: decode_document(row.document, ring),  # type: ignore[attr-defined]
    ),
    "job": (
        lambda ring: job(JobKind.SMS, seal_payload(PAYLOAD, MESSAGE, ring, NONCE)),
        lambda row, ring: open_payload(row.payload, MESSAGE, ring),  # type: ignore[attr-defined]
    ),
    "inbox": (
        lambda ring: InboxItem(MESSAGE, PHONE, "sms", "Acme", seal_payload(PAYLOAD, MESSAGE, ring, NONCE)),
        lambda row, ring: open_payload(row.content, MESSAGE, ring),  # type: ignore[attr-defined]
    ),
    "plan": (
        lambda ring: LiveVerification(
            ACCOUNT, PHONE, "", 7, ring.code_hash(7, "123456"), 5, 10, plan=seal_plan(HOW, 7, ring, NONCE)
        ),
        lambda row, ring: opened(row.plan, 7, ring).code,  # type: ignore[attr-defined]
    ),
    "refused text": (
        lambda ring: note(ACCOUNT, MESSAGE, "{OTP} is it", 6, ring, NONCE),
        lambda row, ring: kept_text(row, ring),  # type: ignore[arg-type]  # noqa: PLW0108  # it takes an event
    ),
    "authenticator": (
        lambda ring: written_access(
            "lan",
            Access(totp=Totp(ring.seal(b"seed", nonce=NONCE, bound_to=seed_bound_to("lan")).hex(), 1)),
        ),
        lambda row, ring: ring.open(
            bytes.fromhex(read_access(row).totp.seed),  # type: ignore[arg-type,union-attr]
            bound_to=seed_bound_to("lan"),
        ),
    ),
}
"""How each thing comes to rest, and how it is read."""


@pytest.mark.parametrize(("made", "read"), SEALED.values(), ids=SEALED)
def test_what_rests_sealed_is_sealed_again_under_the_key_in_use(
    made: Callable[[Keyring], Row], read: Callable[[Row, Keyring], object]
) -> None:
    """It says the same as before, and needs the former key no more."""
    row, ring = made(keyring()), keyring(NEW)
    assert is_sealed_elsewhere(row, ring)
    after = resealed(row, ring, b"e" * 32)
    assert not is_sealed_elsewhere(after, ring)
    assert read(after, Keyring(NEW)) == read(row, Keyring(OLD)) is not None
    assert resealed(after, ring, b"f" * 32) is after


def test_no_table_with_something_sealed_is_left_out() -> None:
    """Each kind of row above is among those that are looked through."""
    kinds = {type(made(keyring())) for made, _ in SEALED.values()}
    assert kinds <= set(RESTING) <= set(TABLES)


def test_sealing_again_changes_each_row_once() -> None:
    """Two processes may look at the same time; and what no key opens stays as it is."""
    ring = keyring()
    store = PureStore(Context(Directory({}), ring))
    stranger = Keyring(ServerKey(b"x" * 32, named=True))
    foreign = InboxItem(MessageId(8), PHONE, "sms", "", seal_payload(PAYLOAD, MessageId(8), stranger, NONCE))
    store.rows = {row.key: row for row in (*(made(ring) for made, _ in SEALED.values()), foreign)}
    keys = tuple(store.rows)
    ring.use(NEW.fingerprint)
    assert store.run(Reseal(keys, b"e" * 32)) == len(SEALED)
    assert store.run(Reseal(keys, b"f" * 32)) == 0
    assert store.rows[InboxItem, 8] == foreign
    with pytest.raises(Unsealable):
        resealed(foreign, ring, b"e" * 32)


def test_a_job_that_holds_no_text_is_left_alone() -> None:
    """Callbacks and steps of a plan are not sealed."""
    row = job(JobKind.NEXT_CHANNEL, b'["+84901888484",""]')
    assert not is_sealed_elsewhere(row, keyring(NEW))


def test_what_cannot_be_made_again_counts_until_its_time_is_over() -> None:
    """Codes, named requests, links and recovery codes; a code that a carrier made rests under no key."""
    old, ring = keyring(), keyring(NEW)
    rows = [
        LiveVerification(ACCOUNT, PHONE, "", 7, old.code_hash(7, "123456"), 5, expires_at=10),
        RequestKey(ACCOUNT, "order-1", old.request_mac("digest"), MESSAGE, expires_at=10),
        Invitation(old.digest(b"link"), "", "viewer", "", "ann", 1, expires_at=10),
    ]
    assert [is_marked_elsewhere(row, ring, 9) for row in rows] == [True] * 3
    assert [is_marked_elsewhere(row, ring, 10) for row in rows] == [False] * 3
    assert [is_marked_elsewhere(row, old, 9) for row in rows] == [False] * 3
    codes = written_access("lan", Access(recovery=(old.digest(b"a"), ring.digest(b"b"))))
    assert is_marked_elsewhere(codes, ring, 10**15)
    forwarded = LiveVerification(ACCOUNT, PHONE, "", 7, b"\1\0", 5, expires_at=10)
    plain = RequestKey(ACCOUNT, "order-2", "sent before", MESSAGE, expires_at=10)
    assert not is_marked_elsewhere(forwarded, ring, 9)
    assert not is_marked_elsewhere(plain, ring, 9)
