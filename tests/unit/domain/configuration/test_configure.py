from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import (
    Configure,
    decode_document,
    directory_from_rows,
    encode_document,
)
from onema.domain.configuration.directory import Directory
from onema.domain.decision import Command, Context
from onema.domain.door_rows import UserAccess
from onema.domain.keyring import Keyring, Unsealable
from onema.domain.records import DirectoryRevision, DirectoryRow
from onema.domain.refusals import Refusal, Refused
from onema.testing.pure_store import PureStore

KEYRING = Keyring(b"k" * 32)
TARIFF = doc.Tariff(name="default")


class Configured:
    """A directory that follows what is put into it, as the committer's does."""

    def __init__(self) -> None:
        self.store = PureStore(Context(Directory({}), KEYRING))

    def put(self, *documents: doc.AnyDocument, remove: tuple[tuple[str, str], ...] = ()) -> list[str]:
        changes = self.run(Configure(entropy=bytes(32), documents=documents, remove=remove))
        return [change.what for change in changes]

    def run(self, command: Command) -> Any:
        result = self.store.run(command)
        rows = [row for row in self.store.rows.values() if isinstance(row, DirectoryRow)]
        revision = self.store.rows[(DirectoryRevision, "directory")]
        assert isinstance(revision, DirectoryRevision)
        directory = directory_from_rows(rows, revision.revision, KEYRING)
        self.store.context = Context(directory, KEYRING)
        return result

    @property
    def directory(self) -> Directory:
        return self.store.context.directory


@pytest.fixture
def configured() -> Configured:
    configured = Configured()
    configured.put(TARIFF, doc.Account(name="acme"))
    return configured


def test_putting_the_same_again_changes_nothing(configured: Configured) -> None:
    """So `apply` is idempotent, secrets included."""
    credential = doc.Credential(account="acme", dialect="esms", key="K", secret="ACME-SECRET")
    assert configured.put(credential) == ["created"]
    revision = configured.directory.revision
    assert configured.put(TARIFF, doc.Account(name="acme"), credential) == ["unchanged"] * 3
    assert configured.directory.revision == revision


def test_a_user_who_is_removed_takes_along_what_they_could_show(configured: Configured) -> None:
    """Whoever is made under the same name later has other passkeys, and no session."""
    lan, mai = (doc.User(name=name, password_hash="$argon2id$h") for name in ("lan", "mai"))
    configured.put(lan, mai)
    for user in (lan, mai):
        configured.store.rows[UserAccess, user.name] = UserAccess(user.name, b"{}")
    configured.put(doc.User(name="lan", password_hash="$argon2id$i"))
    assert (UserAccess, "lan") in configured.store.rows
    configured.put(remove=(("user", "lan"), ("user", "mai")))
    assert not [key for key in configured.store.rows if key[0] is UserAccess]


def test_an_account_number_is_never_given_twice(configured: Configured) -> None:
    """Messages and money are stored under it, also those of an account that was removed."""
    configured.put(doc.Account(name="second"))
    configured.put(remove=(("account", "second"),))
    configured.put(doc.Account(name="third"))
    numbers = {name: view.id for name, view in configured.directory.account_named.items()}
    assert numbers == {"acme": 1, "third": 3}


def test_a_third_live_credential_is_refused(configured: Configured) -> None:
    """Two may live, so that keys can be changed without a gap; a retired one does not count."""
    keys = [
        doc.Credential(account="acme", dialect="esms", key=f"K{n}", secret="ACME-SECRET") for n in range(3)
    ]
    configured.put(*keys[:2])
    with pytest.raises(Refused, match="3 live esms credentials"):
        configured.put(keys[2])
    retired = doc.Credential(account="acme", dialect="esms", key="K0", secret="ACME-SECRET", state="inactive")
    assert configured.put(retired, keys[2]) == ["changed", "created"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (doc.Account(name="a/b"), "a name has"),
        (doc.Account(name="x", tariff="none"), "there is no tariff 'none'"),
        (doc.Account(name="x", countries=("Vietnam",)), "not an ISO country"),
        (doc.Account(name="x", wallet_expires_at="soon"), "hold together"),
        (doc.Account(name="x", floor="1.00001"), "hold together"),
        (doc.Brandname(account="nobody", name="Acme"), "there is no account 'nobody'"),
        (doc.Brandname(account="acme", name="TwelveLetter"), "1 to 11"),
        (doc.Template(account="acme", brandname="None", text="{OTP}"), "there is no brandname"),
        (doc.Tariff(name="t", rates=(doc.Rate(channel="sms", price="-1"),)), "negative"),
        (doc.Tariff(name="t", rates=(doc.Rate(channel="call", price="1", period=0),)), "at least one second"),
        (doc.Hotline(pool="none", number="+842871000000"), "there is no hotline pool"),
        (doc.Route(channel="sms", carrier="none"), "there is no carrier"),
        (doc.Credential(account="acme", dialect="esms", key="K", secret=""), "its secret"),
    ],
)
def test_what_does_not_hold_together_is_refused_with_a_reason(
    configured: Configured, document: doc.AnyDocument, complaint: str
) -> None:
    """Nothing of it is stored."""
    revision = configured.directory.revision
    with pytest.raises(Refused, match=complaint) as refused:
        configured.put(document)
    assert refused.value.refusal is Refusal.CONFLICT
    assert configured.directory.revision == revision


def test_a_decision_on_an_old_snapshot_is_refused(configured: Configured) -> None:
    """Somebody else changed the configuration meanwhile."""
    old = configured.store.context
    configured.put(doc.Account(name="other"))
    configured.store.context = old
    with pytest.raises(Refused, match="changed meanwhile"):
        configured.put(doc.Account(name="mine"))


def test_what_was_judged_on_another_revision_is_refused(configured: Configured) -> None:
    """Somebody looked at the change before: what they looked at must be what it is decided on."""
    revision = configured.directory.revision
    configured.put(doc.Account(name="other"))
    judged = Configure(entropy=bytes(32), documents=(doc.Account(name="mine"),), judged=revision)
    with pytest.raises(Refused, match="changed meanwhile"):
        configured.store.run(judged)


@given(secret=st.text(min_size=1, max_size=60).map("s:{}".format), nonce=st.binary(min_size=12, max_size=12))
def test_secrets_rest_sealed(secret: str, nonce: bytes) -> None:
    """They open with the server key for their own document, and for nothing else."""
    credential = doc.Credential(account="acme", dialect="esms", key="K", secret=secret)
    stored = encode_document(credential, KEYRING, nonce)
    assert decode_document(stored, KEYRING) == credential
    assert secret.encode() not in stored
    with pytest.raises(Unsealable):
        decode_document(stored, Keyring(b"x" * 32))
