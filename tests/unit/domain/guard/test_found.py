"""What the guard found, counted by hour, account, rule, mode, country and prefix."""

from onema.domain.guard.country import HOUR_MS
from onema.domain.guard.found import (
    EVERYBODY,
    KEPT_HOURS,
    MOST_KINDS,
    CountFound,
    Kind,
    added,
    key_of,
    packed,
)
from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import AccountId
from onema.domain.refusals import Found
from onema.domain.values.phone import Phone
from onema.telemetry.finding_tally import MOST_COUNTED, FindingTally
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(7)
NOW = 1_800_000_000_000
KIND = Kind("country_budget", "record", "VN", "+84901", refused=False)
FOUND = Found("country_budget", "poor_conversion_history", "record", "VN: 20")


def counted(store: PureStore, account: AccountId, hour: int) -> dict[Kind, int]:
    row = store.rows.get(key_of(account, hour))
    return dict(packed.of(row if isinstance(row, GuardSubject) else None).counts)


def test_processes_add_to_one_row_an_hour() -> None:
    """Under its lock, so that it holds the sum; it is gone after the fourteen days that are shown."""
    store = PureStore(context_of())
    refused = Kind("purses", "block", "VN", "+84901", refused=True)
    for now in (NOW, NOW + 1, NOW + HOUR_MS):
        store.run(CountFound(now=now, counts={ACCOUNT: {KIND: 2, refused: 1}, EVERYBODY: {KIND: 2}}))
    hour = NOW // HOUR_MS
    assert counted(store, ACCOUNT, hour) == {KIND: 4, refused: 2}
    assert counted(store, ACCOUNT, hour + 1) == {KIND: 2, refused: 1}
    assert counted(store, EVERYBODY, hour) == {KIND: 4}
    row = store.rows[key_of(ACCOUNT, hour)]
    assert isinstance(row, GuardSubject)
    assert row.expires_at > (hour + KEPT_HOURS) * HOUR_MS


def test_an_attack_on_many_prefixes_makes_no_large_row() -> None:
    """What there is no room for is counted without its prefix, and no finding is lost."""
    many = [
        (Kind("number_range", "block", "VN", f"+8490{n}", refused=True), 1) for n in range(MOST_KINDS + 50)
    ]
    sums = added(many)
    assert len(sums) == MOST_KINDS + 1
    assert sum(sums.values()) == len(many)
    assert sums[Kind("number_range", "block", "VN", "", refused=True)] == 50


def test_a_tally_knows_the_prefix_and_not_the_number() -> None:
    """For the account and for all together; taken once."""
    tally = FindingTally()
    tally.add(ACCOUNT, Phone("+84901888484"), (FOUND, FOUND), refused=False)
    assert tally.take() == {ACCOUNT: {KIND: 2}, EVERYBODY: {KIND: 2}}
    assert tally.take() == {}


def test_what_waits_to_be_written_down_is_bounded() -> None:
    """However many prefixes are attacked between two rounds."""
    tally = FindingTally()
    for number in range(MOST_COUNTED):
        tally.add(ACCOUNT, Phone(f"+849{number:05}123456"), (FOUND,), refused=True)
    assert sum(map(len, tally.take().values())) == MOST_COUNTED
