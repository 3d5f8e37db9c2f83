"""`onema demo --traffic`: a day that nobody had, on the real core and store."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from onema.settings import load_settings
from onema.wiring.demo import prepare
from onema.wiring.synthetic.customers import CUSTOMERS
from onema.wiring.synthetic.day import DAY_MS, MESSAGES, NEWEST
from onema.wiring.synthetic.fill import Filled, fill

ENDS_AT = 1_795_867_200_000
"""Noon in Vietnam."""


class Filler(NamedTuple):
    data: Path
    told: Filled

    def rows(self, query: str) -> list[Any]:
        store = apsw.Connection(str(self.data / "onema.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return list(store.execute(query))
        finally:
            store.close()

    def again(self) -> Filled:
        return asyncio.run(fill(settings_of(self.data), 3, ENDS_AT))


def settings_of(data: Path) -> Any:
    return load_settings(None, {}, {"data": data, "handset.beside_carriers": True})


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Filler]:
    def of_seed(seed: int) -> Filler:
        data = tmp_path_factory.mktemp("day") / "data"
        asyncio.run(prepare(settings_of(data)))
        return Filler(data, asyncio.run(fill(settings_of(data), seed, ENDS_AT)))

    return of_seed


@pytest.fixture(scope="module")
def day(filled: Callable[[int], Filler]) -> Filler:
    return filled(7)


def test_all_kinds_of_ends_are_there(day: Filler) -> None:
    """Of messages and calls, of codes, of requests that were refused, of callbacks, and of money."""
    assert day.told == (MESSAGES + NEWEST, 7)
    states = Counter(state for (state,) in day.rows("SELECT state FROM messages"))
    assert states.keys() >= {"delivered", "undelivered", "failed", "refused", "sent"}
    assert states["delivered"] > 0.7 * MESSAGES
    endings = {ending for (ending,) in day.rows("SELECT DISTINCT ending FROM calls")}
    assert endings >= {"answered", "hung up", "no answer", "busy", "declined", "voicemail", "switched off"}
    happened = {kind for (kind,) in day.rows("SELECT DISTINCT kind FROM events")}
    assert happened >= {
        "verified",
        "wrong code",
        "attempts used up",
        "superseded",
        "callback",
        "refused text",
    }
    entries = {kind for (kind,) in day.rows("SELECT DISTINCT kind FROM ledger")}
    assert entries >= {"hold", "capture", "release", "top_up"}
    kept = " ".join(entries for (entries,) in day.rows("SELECT entries FROM recent_refusals"))
    for reason in ("rate_limited", "balance_too_low", "template_mismatch", "credential_unknown"):
        assert f'"{reason}"' in kept
    assert day.rows("SELECT count(*) FROM dead_jobs") > [(0,)]
    assert day.rows("SELECT count(*) FROM attempts WHERE number = 2") > [(0,)]
    assert day.rows("SELECT count(*) FROM live_figures") > [(0,)]


def test_every_customer_and_carrier_has_some(day: Filler) -> None:
    """Over the whole day."""
    accounts = day.rows("SELECT account, count(*) FROM messages GROUP BY account")
    assert len(accounts) == len(CUSTOMERS)
    assert all(amount > 100 for _, amount in accounts)
    carriers = {name for (name,) in day.rows("SELECT DISTINCT carrier FROM attempts")}
    assert carriers >= {"north", "delta", "world", "trunk-hanoi", "trunk-saigon"}
    begun = [at for (at,) in day.rows("SELECT started_at FROM attempts ORDER BY started_at")]
    assert ENDS_AT - DAY_MS <= begun[0] < ENDS_AT - 0.8 * DAY_MS
    assert ENDS_AT - 60_000 < begun[-1] < ENDS_AT
    hours = Counter((at - begun[0]) // 3_600_000 for at in begun)
    assert max(hours.values()) > 3 * min(hours.values())


def test_the_money_is_right(day: Filler) -> None:
    """As after real traffic: each wallet holds what its ledger says, and nothing is held but for what is under way."""
    ledger = dict(day.rows("SELECT account, sum(amount) FROM ledger GROUP BY account"))
    assert dict(day.rows("SELECT account, balance FROM wallets")) == ledger
    held = day.rows("SELECT DISTINCT state FROM messages WHERE held > 0")
    assert set(held) <= {("accepted",), ("sent",)}


def test_nothing_is_left_for_the_demo_to_send_or_tell(day: Filler) -> None:
    """But for what is under way in the last minute: messages are of phones that nobody has, receivers of nobody."""
    left = dict(day.rows("SELECT kind, count(*) FROM jobs WHERE kind <> 'settle' GROUP BY kind"))
    assert sum(left.values()) < 10


def test_one_seed_is_one_day(filled: Callable[[int], Filler], day: Filler) -> None:
    """And another seed another one."""
    query = "SELECT phone, state, ending, charged, reference FROM messages ORDER BY id"
    assert filled(7).rows(query) == day.rows(query)
    assert filled(8).rows(query) != day.rows(query)


def test_a_day_is_told_once(day: Filler) -> None:
    """Whoever starts the demo again finds what was there."""
    before = day.rows("SELECT count(*) FROM messages")
    assert day.again() == (0, 3)
    assert day.rows("SELECT count(*) FROM messages") == before
