from onema.console.door.session import SESSION_MS, Sessions
from onema.console.door.throttle import Throttle
from onema.domain.configuration.documents import User
from onema.testing.fake_clock import FakeClock

YEAR_SECONDS = 365 * 86_400


def test_a_session_that_a_clock_ahead_began_is_none() -> None:
    """Its cookie would be good for a year."""
    clock = FakeClock()
    ann = User(name="ann", password_hash="h")
    sessions = Sessions(b"k" * 32, lambda: {"ann": ann}, clock.now)
    cookie = sessions.begin(ann)
    assert sessions.find(cookie) is not None
    clock.set_by(-YEAR_SECONDS)
    assert sessions.find(cookie) is None
    clock.advance(YEAR_SECONDS + SESSION_MS / 1000)
    assert sessions.find(cookie) is None


def test_nobody_waits_for_a_clock_that_was_ahead() -> None:
    """A few wrong passwords in that moment, and the name was closed for a year."""
    clock = FakeClock()
    throttle = Throttle(clock.now, 1_000, 60_000)
    for _ in range(6):
        throttle.count("ann")
    assert throttle.wait_ms("ann") == 2_000
    clock.set_by(-YEAR_SECONDS)
    assert throttle.wait_ms("ann") == 0
    throttle.count("ann")
    assert throttle.wait_ms("ann") == 0
