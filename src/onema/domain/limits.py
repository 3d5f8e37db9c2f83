"""Windows: at most so many sends per phone, account, client IP or hotline in so many seconds."""

from collections.abc import Sequence

from onema.domain.decision import World
from onema.domain.directory import AccountView
from onema.domain.records import Key, Window
from onema.domain.refusals import Refusal, Refused


def window_keys(account: AccountView, phone: str, client_ip: str) -> list[Key]:
    """The windows that a send to `phone` from `client_ip` is counted in."""
    return [(Window, account.id, scope, _subject(scope, phone, client_ip)) for scope in account.windows]


def count_send(world: World, account: AccountView, phone: str, client_ip: str, now: int) -> list[Window]:
    """Count one send in every window of the account. Raises Refused(RATE_LIMITED) when one is full."""
    counted = []
    for scope, limits in account.windows.items():
        subject = _subject(scope, phone, client_ip)
        window = world.get(Window, account.id, scope, subject)
        counted.append(count(window or Window(account.id, scope, subject, "", 0), limits, now))
    return counted


def _subject(scope: str, phone: str, client_ip: str) -> str:
    return phone if scope == "phone" else client_ip if scope == "client_ip" else ""


def count(window: Window, limits: Sequence[tuple[int, int]], now: int) -> Window:
    """`window` with one more use at `now`; `limits` are (seconds, at most). Raises Refused(RATE_LIMITED).

    A window opens with its first use and lasts its seconds. Counters of limits that are no longer configured
    are dropped.
    """
    opened = _parse(window.counters) if window.counters else {}
    counters = []
    expires_at = 0
    for seconds, limit in limits:
        started_at, used = opened.get(seconds, (now, 0))
        if now >= started_at + seconds * 1000:
            started_at, used = now, 0
        if used >= limit:
            raise Refused(Refusal.RATE_LIMITED, f"{window.scope}: {limit} per {seconds} s")
        counters.append(f"{seconds}:{started_at}:{used + 1}")
        expires_at = max(expires_at, started_at + seconds * 1000)
    return Window(window.account, window.scope, window.subject, ",".join(counters), expires_at)


def used_now(window: Window | None, seconds: int, now: int) -> int:
    """How often the window of `seconds` was used and still counts at `now`."""
    if window is None:
        return 0
    started_at, used = _parse(window.counters).get(seconds, (now, 0))
    return used if now < started_at + seconds * 1000 else 0


def _parse(counters: str) -> dict[int, tuple[int, int]]:
    parsed = {}
    for counter in counters.split(",") if counters else ():
        seconds, started_at, used = counter.split(":")
        parsed[int(seconds)] = (int(started_at), int(used))
    return parsed
