"""Windows: at most so many sends per phone, account, client IP or hotline in so many seconds."""

from collections.abc import Sequence

from onema.domain.configuration.directory import AccountView
from onema.domain.decision import World
from onema.domain.records import Key, Window
from onema.domain.refusals import Quota, Refusal, Refused
from onema.domain.values.phone import Phone
from onema.domain.values.written_ahead import is_void


def window_keys(account: AccountView, phone: Phone, client_ip: str) -> list[Key]:
    """The windows that a send to `phone` from `client_ip` is counted in."""
    return [(Window, account.id, scope, _subject(scope, phone, client_ip)) for scope in account.windows]


def count_send(
    world: World, account: AccountView, phone: Phone, client_ip: str, now: int, *, but_phone: bool = False
) -> list[Window]:
    """Count one send in every window of the account, `but_phone` in those per phone, where the number's own purse paid.

    Raises Refused(RATE_LIMITED) when one is full.
    """
    counted = []
    for scope, limits in account.windows.items():
        if but_phone and scope == "phone":
            continue
        subject = _subject(scope, phone, client_ip)
        window = world.get(Window, account.id, scope, subject)
        counted.append(count(window or Window(account.id, scope, subject, "", 0), limits, now))
    return counted


def _subject(scope: str, phone: Phone, client_ip: str) -> str:
    return phone if scope == "phone" else client_ip if scope == "client_ip" else ""


def count(window: Window, limits: Sequence[tuple[int, int]], now: int) -> Window:
    """`window` with one more use at `now`; `limits` are (seconds, at most). Raises Refused(RATE_LIMITED).

    A window opens with its first use and lasts its seconds; one that a clock ahead has opened counts for nothing.
    Counters of limits that are no longer configured are dropped.
    """
    opened = counters_of(window) if window.counters else None
    counters = []
    expires_at = 0
    for seconds, limit in limits:
        started_at, used = (opened and _still_open(opened, seconds, now)) or (now, 0)
        if used >= limit:
            wait_ms = started_at + seconds * 1000 - now
            detail, quota = f"{window.scope}: {limit} per {seconds} s", Quota(window.scope, limit, seconds)
            raise Refused(Refusal.RATE_LIMITED, detail, wait_ms=wait_ms, quota=quota)
        counters.append(f"{seconds}:{started_at}:{used + 1}")
        expires_at = max(expires_at, started_at + seconds * 1000)
    return Window(window.account, window.scope, window.subject, ",".join(counters), expires_at)


def take_back(window: Window, at: int) -> Window:
    """`window` without one of the uses that were counted at `at`, where its counters have not begun anew since."""
    kept = {
        seconds: (started_at, used - 1 if started_at <= at else used)
        for seconds, (started_at, used) in counters_of(window).items()
    }
    left = {seconds: counter for seconds, counter in kept.items() if counter[1] > 0}
    return Window(
        window.account,
        window.scope,
        window.subject,
        ",".join(f"{seconds}:{started_at}:{used}" for seconds, (started_at, used) in left.items()),
        max((started_at + seconds * 1000 for seconds, (started_at, _) in left.items()), default=0),
    )


def used_now(window: Window | None, seconds: int, now: int) -> int:
    """How often the window of `seconds` was used and still counts at `now`."""
    if window is None:
        return 0
    still_open = _still_open(counters_of(window), seconds, now)
    return still_open[1] if still_open else 0


def _still_open(opened: dict[int, tuple[int, int]], seconds: int, now: int) -> tuple[int, int] | None:
    """(when it opened, how often it was used), of a window that has opened and neither closed nor is void."""
    counter = opened.get(seconds)
    if counter is None:
        return None
    started_at = counter[0]
    # The usual start is no later than now, and void only what lies ahead.
    if now >= started_at + seconds * 1000 or (started_at > now and is_void(started_at, seconds * 1000, now)):
        return None
    return counter


def counters_of(window: Window) -> dict[int, tuple[int, int]]:
    """By seconds: when it opened, and how often it was used since."""
    parsed = {}
    for counter in window.counters.split(",") if window.counters else ():
        seconds, started_at, used = counter.split(":")
        parsed[int(seconds)] = (int(started_at), int(used))
    return parsed
