"""Links that make users: ADR 0046."""

import pytest
from msgspec.structs import replace

from onema.domain.configuration.configure import Configure, directory_from_rows
from onema.domain.configuration.documents import Account, AnyDocument, Tariff, User
from onema.domain.decision import Context
from onema.domain.door_rows import Invitation
from onema.domain.keyring import Keyring
from onema.domain.people.invitations import (
    MOST_A_DAY,
    SET_UP_MS,
    Invite,
    MakeFirstOwner,
    TakeInvitation,
    Withdraw,
    digest_of,
    is_set_up,
    set_up_token,
)
from onema.domain.records import DirectoryRevision, DirectoryRow
from onema.domain.refusals import Refusal, Refused
from onema.testing.pure_store import PureStore, context_of

KEYRING = Keyring(b"k" * 32)
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
INVITATION = Invitation("d1", "", "developer", "acme", "lan", made_at=1_000, expires_at=9_000)


class Store(PureStore):
    """Keeps its directory up to date, as a committer does."""

    def __init__(self, *documents: AnyDocument) -> None:
        super().__init__(context_of())
        self._refresh(0)
        self.configure(Tariff(name="default"), Account(name="acme"), *documents)

    def configure(self, *documents: AnyDocument) -> None:
        self.run(Configure(entropy=bytes(32), documents=documents))
        self.refresh()

    def refresh(self) -> None:
        revision = self.rows[DirectoryRevision, "directory"]
        assert isinstance(revision, DirectoryRevision)
        self._refresh(revision.revision)

    def _refresh(self, revision: int) -> None:
        rows = [row for row in self.rows.values() if isinstance(row, DirectoryRow)]
        self.context = Context(directory_from_rows(rows, revision, KEYRING), KEYRING)

    def users(self) -> dict[str, User]:
        self.refresh()
        return self.context.directory.users


def take(digest: str = "d1", name: str = "hoa", now: int = 2_000) -> TakeInvitation:
    return TakeInvitation(digests=(digest,), name=name, password_hash=HASH, entropy=bytes(32), now=now)


def first_owner(name: str = "lan") -> MakeFirstOwner:
    return MakeFirstOwner(name=name, password_hash=HASH, entropy=bytes(32))


def refused(store: Store, command: object) -> Refusal:
    with pytest.raises(Refused) as found:
        store.run(command)  # type: ignore[arg-type]  # a command of this module
    return found.value.refusal


def test_a_link_makes_the_user_whom_it_is_for_and_is_worth_nothing_then() -> None:
    """With the role and the account that the link says, whatever its taker would like."""
    store = Store()
    store.run(Invite(INVITATION))
    made = store.run(take())
    assert (made.role, made.customer_of) == ("developer", "acme")
    assert store.users()["hoa"] == made
    assert refused(store, take(name="other")) is Refusal.CREDENTIAL_UNKNOWN
    assert "other" not in store.users()


def test_a_link_is_dead_from_its_last_moment_on() -> None:
    """Also where nothing has swept it yet."""
    store = Store()
    store.run(Invite(INVITATION))
    assert refused(store, take(now=9_000)) is Refusal.CREDENTIAL_UNKNOWN
    assert store.run(take(now=8_999)).name == "hoa"


def test_a_link_for_a_name_makes_no_other() -> None:
    """Nor does one whose name somebody else has got meanwhile, who stays as they are."""
    store = Store()
    store.run(Invite(replace(INVITATION, name="hoa")))
    assert refused(store, take(name="lan")) is Refusal.CREDENTIAL_UNKNOWN
    store.configure(User(name="hoa", password_hash=HASH + "x"))
    assert refused(store, take()) is Refusal.DUPLICATE
    assert store.users()["hoa"].role == "owner"


def test_a_withdrawn_link_is_worth_nothing() -> None:
    """An account's admin withdraws the own account's alone."""
    store = Store()
    store.run(Invite(INVITATION))
    assert store.run(Withdraw("d1", "rival")) is False
    assert store.run(Withdraw("d1", "acme")) is True
    assert store.run(Withdraw("d1", "acme")) is False
    assert refused(store, take()) is Refusal.CREDENTIAL_UNKNOWN


def test_nobody_is_invited_into_an_account_that_is_not_there() -> None:
    """Nor under a name that is taken, nor without end."""
    store = Store(User(name="hoa", password_hash=HASH))
    assert refused(store, Invite(replace(INVITATION, account="nobody"))) is Refusal.CONFLICT
    assert refused(store, Invite(replace(INVITATION, name="hoa"))) is Refusal.DUPLICATE
    for number in range(MOST_A_DAY):
        store.run(Invite(replace(INVITATION, digest=f"d{number}")))
    assert refused(store, Invite(replace(INVITATION, digest="one too many"))) is Refusal.RATE_LIMITED
    store.run(Invite(replace(INVITATION, digest="tomorrow", made_at=1_000 + 86_400_000)))


def test_the_link_of_the_first_run_makes_one_owner() -> None:
    """The second who uses it is refused, also on a snapshot from before the first."""
    store = Store()
    before = store.context
    assert store.run(first_owner()).role == "owner"
    store.context = before
    assert refused(store, first_owner("mai")) is Refusal.CONFLICT
    store.refresh()
    assert refused(store, first_owner("mai")) is Refusal.CREDENTIAL_UNKNOWN
    assert set(store.users()) == {"lan"}


def test_the_link_of_the_first_run_works_as_long_as_no_owner_can_log_in() -> None:
    """Customers and whoever is inactive let nobody in."""
    store = Store(
        User(name="hoa", password_hash=HASH, role="admin", customer_of="acme"),
        User(name="mai", password_hash=HASH, state="inactive"),
    )
    assert refused(store, first_owner("mai")) is Refusal.DUPLICATE
    assert store.run(first_owner()).name == "lan"


@pytest.mark.parametrize("now", [0, SET_UP_MS - 1])
def test_every_node_with_the_server_key_knows_the_link_of_the_first_run(now: int) -> None:
    """For a day; another key's is worth nothing, and neither is what somebody made up."""
    token = set_up_token(KEYRING, SET_UP_MS)
    assert is_set_up(token, Keyring(b"k" * 32), now)
    assert not is_set_up(token, KEYRING, SET_UP_MS)
    assert not is_set_up(token, Keyring(b"x" * 32), now)
    for forged in (
        "",
        "setup-",
        "setup-x",
        "setup-é",
        token[:-2],
        token.removeprefix("setup-"),
        token + "AA",
    ):
        assert not is_set_up(forged, KEYRING, now)
    assert not is_set_up(set_up_token(KEYRING, 9 * SET_UP_MS), KEYRING, now)


def test_what_is_kept_of_a_link_does_not_open_it() -> None:
    """Nor can anyone compute it who has not the server key."""
    digest = digest_of("token", KEYRING)
    assert "token" not in digest
    assert digest_of("token", Keyring(b"x" * 32)) != digest
