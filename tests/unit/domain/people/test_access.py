"""What users show to come in, and where they are logged in: ADR 0046."""

import pytest

from onema.domain.configuration.configure import Configure
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.documents import Tariff, User
from onema.domain.decision import Context, World
from onema.domain.keyring import Keyring
from onema.domain.people import change_access as change
from onema.domain.people.access import (
    MOST_PASSKEYS,
    MOST_SESSIONS,
    SESSION_MS,
    Access,
    Passkey,
    Session,
    Totp,
    access_of,
)
from onema.domain.people.tries import (
    ADDRESS,
    BROWSER,
    FORGOTTEN_AFTER_MS,
    NAME,
    CountTry,
    ForgetTries,
    UseOnce,
)
from onema.domain.refusals import Refusal, Refused
from onema.testing.pure_store import PureStore, context_of

SEED = Totp(seed="5ea1ed", made_at=1)
CODES = ("a", "b")
KEY = Passkey(id="k1", key="key", count=0, name="laptop", made_at=1)


@pytest.fixture
def store() -> PureStore:
    store = PureStore(Context(Directory({}), Keyring(b"k" * 32)))
    lan = User(name="lan", password_hash="$argon2id$h")
    store.run(Configure(entropy=bytes(32), documents=(Tariff(name="default"), lan)))
    return store


def access(store: PureStore) -> Access:
    return access_of(World(store.rows), "lan")


def refused(store: PureStore, command: object) -> Refusal:
    before = access(store)
    with pytest.raises(Refused) as found:
        store.run(command)  # type: ignore[arg-type]  # one of change_access
    assert access(store) == before
    return found.value.refusal


def session(number: int, began_at: int = 1_000) -> Session:
    return Session(f"s{number}", began_at, began_at + SESSION_MS, "203.0.113.9", "Browser", "password")


def with_app(store: PureStore) -> PureStore:
    store.run(change.OfferApp(user="lan", totp=SEED))
    store.run(change.ConfirmApp(user="lan", seed=SEED.seed, step=10, recovery=CODES))
    return store


def test_an_app_counts_once_somebody_has_shown_its_code(store: PureStore) -> None:
    """Until then a new one may be offered; from then on none."""
    store.run(change.OfferApp(user="lan", totp=SEED))
    assert access(store).app is None
    other = Totp(seed="07e5", made_at=2)
    store.run(change.OfferApp(user="lan", totp=other))
    stale = change.ConfirmApp(user="lan", seed=SEED.seed, step=10, recovery=CODES)
    assert refused(store, stale) is Refusal.CONFLICT
    store.run(change.ConfirmApp(user="lan", seed=other.seed, step=10, recovery=CODES))
    assert access(store).has_second_factor
    assert refused(store, change.OfferApp(user="lan", totp=SEED)) is Refusal.CONFLICT


@pytest.mark.parametrize("step", [10, 9, 11])
def test_a_code_counts_once_and_none_before_it(store: PureStore, step: int) -> None:
    """The code that confirmed the app is used, too (RFC 6238, 5.2)."""
    with_app(store)
    store.run(change.UseApp(user="lan", seed=SEED.seed, step=11))
    assert refused(store, change.UseApp(user="lan", seed=SEED.seed, step=step)) is Refusal.CODE_INVALID
    store.run(change.UseApp(user="lan", seed=SEED.seed, step=12))


def test_a_code_of_an_app_that_is_gone_counts_for_nothing(store: PureStore) -> None:
    """Nor do the recovery codes that stood in for it."""
    with_app(store)
    store.run(change.RemoveApp(user="lan"))
    assert access(store) == Access()
    assert refused(store, change.UseApp(user="lan", seed=SEED.seed, step=20)) is Refusal.CODE_INVALID
    assert refused(store, change.UseRecoveryCode(user="lan", digests=("a",))) is Refusal.CODE_INVALID
    assert refused(store, change.NewRecoveryCodes(user="lan", recovery=CODES)) is Refusal.CONFLICT


def test_a_recovery_code_counts_once(store: PureStore) -> None:
    """New ones take the place of all."""
    with_app(store)
    store.run(change.UseRecoveryCode(user="lan", digests=("a",)))
    assert refused(store, change.UseRecoveryCode(user="lan", digests=("a",))) is Refusal.CODE_INVALID
    store.run(change.NewRecoveryCodes(user="lan", recovery=("c",)))
    assert access(store).recovery == ("c",)


def test_a_passkey_that_counts_backwards_is_a_copy(store: PureStore) -> None:
    """WebAuthn 7.2; one that does not count says 0 each time."""
    store.run(change.AddPasskey(user="lan", passkey=KEY))
    for _ in range(2):
        store.run(change.UsePasskey(user="lan", id="k1", count=0, now=5))
    store.run(change.UsePasskey(user="lan", id="k1", count=7, now=6))
    assert access(store).passkeys[0].used_at == 6
    for count in (7, 3, 0):
        used = change.UsePasskey(user="lan", id="k1", count=count, now=7)
        assert refused(store, used) is Refusal.CODE_INVALID
    assert refused(store, change.UsePasskey(user="lan", id="k2", count=9, now=7)) is Refusal.CODE_INVALID


def test_passkeys_are_named_removed_and_bounded(store: PureStore) -> None:
    """The same one is not added twice."""
    for number in range(MOST_PASSKEYS):
        store.run(
            change.AddPasskey(
                user="lan", passkey=Passkey(id=f"k{number}", key="", count=0, name="", made_at=1)
            )
        )
    assert refused(store, change.AddPasskey(user="lan", passkey=KEY)) is Refusal.DUPLICATE
    more = Passkey(id="more", key="", count=0, name="", made_at=1)
    assert refused(store, change.AddPasskey(user="lan", passkey=more)) is Refusal.CONFLICT
    store.run(change.NamePasskey(user="lan", id="k3", name="phone"))
    store.run(change.RemovePasskey(user="lan", id="k4"))
    store.run(change.NamePasskey(user="lan", id="k4", name="gone"))
    names = {one.id: one.name for one in access(store).passkeys}
    assert names["k3"] == "phone"
    assert "k4" not in names


def test_sessions_are_ended_one_by_one_or_all_but_one_or_all(store: PureStore) -> None:
    """By their ids."""
    for number in range(4):
        store.run(change.BeginSession(user="lan", session=session(number)))
    store.run(change.EndSessions(user="lan", id="s1"))
    assert [one.id for one in access(store).sessions] == ["s0", "s2", "s3"]
    store.run(change.EndSessions(user="lan", id="s2", others=True))
    assert [one.id for one in access(store).sessions] == ["s2"]
    store.run(change.EndSessions(user="lan"))
    assert access(store).sessions == ()


def test_the_first_session_ends_when_there_are_too_many(store: PureStore) -> None:
    """One that is over counts for nothing."""
    store.run(change.BeginSession(user="lan", session=session(99, 1_000 - SESSION_MS)))
    for number in range(MOST_SESSIONS + 1):
        store.run(change.BeginSession(user="lan", session=session(number)))
    kept = [one.id for one in access(store).sessions]
    assert kept == [f"s{number}" for number in range(1, MOST_SESSIONS + 1)]


def test_who_is_gone_begins_no_session(store: PureStore) -> None:
    """Also where the password was shown a moment before they were removed."""
    assert refused(store, change.BeginSession(user="mai", session=session(1))) is Refusal.CREDENTIAL_UNKNOWN


def test_five_tries_are_free_and_then_each_waits_twice_as_long() -> None:
    """While somebody waits nothing is counted; a success forgets all."""
    store = PureStore(context_of())
    whose = ((ADDRESS, "203.0.113.9"), (NAME, "lan"))
    assert [store.run(CountTry(whose, 0)) for _ in range(6)] == [0, 0, 0, 0, 0, 30_000]
    assert store.run(CountTry(whose, 29_999)) == 1
    assert store.run(CountTry(whose, 30_000)) == 0
    assert store.run(CountTry(whose, 30_000)) == 60_000
    store.run(ForgetTries(whose))
    assert store.run(CountTry(whose, 30_000)) == 0


def test_a_name_waits_a_minute_at_most_and_a_known_browser_not_for_others() -> None:
    """Nobody who knows a name keeps its owner out."""
    store = PureStore(context_of())
    now = 0
    for number in range(40):
        wait = store.run(CountTry(((ADDRESS, str(number)), (NAME, "lan")), now))
        assert wait <= NAME.longest_ms
        now += wait
    assert store.run(CountTry(((BROWSER, "hers"),), now)) == 0


def test_failures_are_forgotten_after_an_hour() -> None:
    """Also where the row is still there."""
    store = PureStore(context_of())
    for _ in range(5):
        store.run(CountTry(((ADDRESS, "a"),), 0))
    assert store.run(CountTry(((ADDRESS, "a"),), FORGOTTEN_AFTER_MS + 1)) == 0
    assert store.run(CountTry(((ADDRESS, "a"),), FORGOTTEN_AFTER_MS + 1)) == 0


def test_what_counts_once_counts_once() -> None:
    """Whoever shows it."""
    store = PureStore(context_of())
    store.run(UseOnce("challenge", "d", 1))
    with pytest.raises(Refused):
        store.run(UseOnce("challenge", "d", 2))
    store.run(UseOnce("challenge", "e", 2))
