import hypothesis.strategies as st
import pytest
from hypothesis import given

from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.hotlines import take_hotline
from onema.domain.codes.limits import count, used_now
from onema.domain.codes.verification import LONGEST_LIFE_MINUTES
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import PoolView
from onema.domain.decision import World
from onema.domain.ids import AccountId
from onema.domain.records import LiveVerification, Window
from onema.domain.refusals import Refused
from onema.domain.values.phone import Phone
from onema.domain.values.written_ahead import TOLERATED_MS
from onema.testing.pure_store import PureStore, context_of

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000
FRESH = Window(account=AccountId(1), scope="phone", subject="+84901888484", counters="", expires_at=0)


def full(seconds: int, limit: int, opened_at: int) -> Window:
    window = FRESH
    for _ in range(limit):
        window = count(window, [(seconds, limit)], opened_at)
    return window


@pytest.mark.parametrize("ahead_ms", [7 * HOUR_MS, 400 * 24 * HOUR_MS])
@pytest.mark.parametrize("seconds", [60, 86_400])
def test_a_window_that_a_clock_ahead_filled_lets_through_once_the_clock_is_right(
    ahead_ms: int, seconds: int
) -> None:
    """It refused everything until its day came: hours or months."""
    window = full(seconds, 5, NOW + ahead_ms)
    assert used_now(window, seconds, NOW) == 0
    window = count(window, [(seconds, 5)], NOW)
    assert used_now(window, seconds, NOW) == 1
    assert window.expires_at == NOW + seconds * 1000


@given(seconds=st.integers(1, 86_400), later_ms=st.integers(-3 * 86_400_000, 3 * 86_400_000))
def test_a_full_window_binds_for_its_length_and_a_minute_at_most(seconds: int, later_ms: int) -> None:
    """Whatever the clock that opened it said, and whatever the clock says now."""
    window, length_ms = full(seconds, 1, NOW), seconds * 1000
    binds = -min(length_ms, TOLERATED_MS) <= later_ms < length_ms
    assert used_now(window, seconds, NOW + later_ms) == int(binds)


@pytest.mark.parametrize("ahead_ms", [0, 2_000, TOLERATED_MS])
def test_a_window_of_another_node_counts_though_its_clock_is_a_little_ahead(ahead_ms: int) -> None:
    """Clocks of nodes differ; limits are exact over all of them."""
    with pytest.raises(Refused):
        count(full(600, 5, NOW + ahead_ms), [(600, 5)], NOW)


def test_a_hotline_calls_again_once_the_clock_is_right() -> None:
    """Its daily cap was used up on a day that has yet to come."""
    pool = PoolView(doc.HotlinePool(name="p"), [doc.Hotline(pool="p", number="02471000003", daily_cap=1)])
    _, counter = take_hotline(World({}), pool, NOW + 7 * HOUR_MS)
    assert take_hotline(World({counter.key: counter}), pool, NOW)[0] == "02471000003"


@pytest.mark.parametrize(
    ("expires_in_ms", "checked"),
    [
        (LONGEST_LIFE_MINUTES * 60_000, Check.RIGHT),
        (1, Check.RIGHT),
        (0, Check.NOTHING_TO_CHECK),
        (7 * HOUR_MS, Check.NOTHING_TO_CHECK),
    ],
)
def test_no_code_lives_longer_than_any_may_be_asked_to(expires_in_ms: int, checked: Check) -> None:
    """One made by a clock ahead could have been checked for hours or months."""
    store = PureStore(context_of(doc.Account(name="shop", number=1)))
    live = LiveVerification(
        account=AccountId(1),
        phone=Phone("+84901888484"),
        purpose="code",
        verification=5,
        code_hash=store.context.keyring.code_hash(5, "1234"),
        attempts_left=5,
        expires_at=NOW + expires_in_ms,
    )
    store.rows[live.key] = live
    command = CheckCode(account=AccountId(1), id=6, now=NOW, phone=Phone("+84901888484"), code="1234")
    assert store.run(command) is checked
    assert live.key not in store.rows
