from onema.domain.configuration.documents import User
from onema.domain.people.access import SESSION_MS, Access, Session
from onema.domain.people.tries import NAME, CountTry
from onema.testing.fake_clock import FakeClock
from onema.testing.pure_store import PureStore, context_of

YEAR_SECONDS = 365 * 86_400


def test_a_session_that_a_clock_ahead_began_is_none() -> None:
    """It would be good for a year."""
    clock = FakeClock()
    began = Session("s", clock.now(), clock.now() + SESSION_MS, "203.0.113.9", "Browser", "password")
    access = Access(sessions=(began,))
    assert access.session("s", clock.now()) == began
    clock.set_by(-YEAR_SECONDS)
    assert access.session("s", clock.now()) is None
    clock.advance(YEAR_SECONDS + SESSION_MS / 1000)
    assert access.session("s", clock.now()) is None


def test_nobody_waits_for_a_clock_that_was_ahead() -> None:
    """A few wrong passwords in that moment, and the name was closed for a year."""
    clock = FakeClock()
    store = PureStore(context_of(User(name="ann", password_hash="h")))

    def wait_ms() -> int:
        wait: int = store.run(CountTry(((NAME, "ann"),), clock.now()))
        return wait

    assert [wait_ms() for _ in range(6)] == [0, 0, 0, 0, 0, NAME.first_ms]
    clock.set_by(-YEAR_SECONDS)
    assert [wait_ms() for _ in range(2)] == [0, 0]
