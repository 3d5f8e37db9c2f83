import asyncio
import logging

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.decision import Command
from onema.domain.note_refusals import KEPT_ENTRIES, NOBODY, NoteRefusals
from onema.domain.refusals import Refusal, Refused
from onema.engine.refusals import (
    ACCOUNTS_AT_ONCE,
    ACCOUNTS_WAITING,
    LINES_A_ROUND,
    LONGEST_DETAIL,
    Asking,
    Refusals,
)
from onema.telemetry.metrics import NAMED_ACCOUNTS, OTHER_ACCOUNTS, Metrics
from onema.testing.fake_clock import FakeClock

ACCOUNTS = ACCOUNTS_WAITING + 10
DIRECTORY = Directory(
    {
        (account.kind, account.identity): account
        for account in (doc.Account(name=f"customer-{n}", number=n) for n in range(1, ACCOUNTS + 1))
    }
)


class Store:
    """Takes the commands, while it is not away."""

    def __init__(self) -> None:
        self.commands: list[NoteRefusals] = []
        self.is_away = False
        self.saved = asyncio.Event()

    async def execute(self, command: Command) -> None:
        assert isinstance(command, NoteRefusals)
        if self.is_away:
            raise Refused(Refusal.STORE_UNAVAILABLE)
        self.commands.append(command)
        self.saved.set()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def refusals(store: Store) -> Refusals:
    return Refusals(store.execute, FakeClock().now)


def asking(number: int = 1, phone: str = "+84901888484", **fields: str) -> Asking:
    account = DIRECTORY.account_named[f"customer-{number}"] if number else None
    return Asking("esms", "203.0.113.9", account=account, phone=phone, **fields)


async def test_a_flood_of_one_kind_is_one_command_and_one_entry(store: Store, refusals: Refusals) -> None:
    """Ten thousand refusals cost the store what one does."""
    for _ in range(10_000):
        refusals.note(asking(), "rate_limited")
    await refusals.save()
    (command,) = store.commands
    (entry,) = command.entries
    assert (command.account, command.total, entry.times, entry.reason) == (1, 10_000, 10_000, "rate_limited")
    await refusals.save()
    assert len(store.commands) == 1


async def test_a_flood_of_many_kinds_stays_small_in_memory(store: Store, refusals: Refusals) -> None:
    """The newest are kept, all are counted; of accounts beyond the bound nothing waits."""
    for number in range(1_000):
        refusals.note(asking(phone=f"+8490{number:07}", detail="x" * 10_000), "rate_limited")
    for number in range(2, ACCOUNTS + 1):
        refusals.note(asking(number), "balance_too_low")
    rounds = 0
    while len(store.commands) < ACCOUNTS_WAITING:
        await refusals.save()
        rounds += 1
        assert len(store.commands) <= rounds * ACCOUNTS_AT_ONCE
    await refusals.save()
    assert len(store.commands) == ACCOUNTS_WAITING
    first = store.commands[0]
    assert (first.total, len(first.entries)) == (1_000, KEPT_ENTRIES)
    assert {len(entry.detail) for entry in first.entries} == {LONGEST_DETAIL}


async def test_keys_that_nobody_has_are_noted_too(store: Store, refusals: Refusals) -> None:
    """Under no account."""
    refusals.note(asking(0), "credential_unknown")
    await refusals.save()
    assert [command.account for command in store.commands] == [NOBODY]


async def test_numbers_are_masked_and_details_redacted(store: Store, refusals: Refusals) -> None:
    """Whoever may read an account's configuration need not know whom it calls."""
    refusals.note(asking(detail="no price for 84901888484, secret=abcdef"), "price_missing")
    await refusals.save()
    (entry,) = store.commands[0].entries
    assert entry.phone == "+84****484"
    assert "84901888484" not in entry.detail
    assert "abcdef" not in entry.detail


async def test_while_the_store_is_away_refusals_wait(store: Store, refusals: Refusals) -> None:
    """They are written down when it is back."""
    store.is_away = True
    refusals.note(asking(), "store_unavailable")
    await refusals.save()
    store.is_away = False
    await refusals.save()
    assert [command.total for command in store.commands] == [1]


async def test_they_are_written_down_by_themselves_and_at_the_stop(store: Store) -> None:
    """Nobody has to ask."""
    refusals = Refusals(store.execute, FakeClock().now, every_seconds=0.001)
    await refusals.start()
    refusals.note(asking(), "rate_limited")
    await store.saved.wait()
    slow = Refusals(store.execute, FakeClock().now, every_seconds=3_600)
    await slow.start()
    slow.note(asking(2), "rate_limited")
    await slow.stop()
    await refusals.stop()
    assert [command.account for command in store.commands] == [1, 2]


async def test_each_kind_has_one_line_a_round(refusals: Refusals, caplog: pytest.LogCaptureFixture) -> None:
    """With who and why, and the number masked; how many more there were comes in a line at the end of the round."""
    caplog.set_level(logging.INFO)
    for _ in range(1_000):
        refusals.note(asking(application="otp"), "rate_limited")
        refusals.note(asking(2), "balance_too_low")
    first, second = caplog.records
    told = ("action", "api", "refusal", "account", "application", "number", "client")
    assert [str(getattr(first, name)) for name in told] == [
        *("refuse", "esms", "rate_limited", "customer-1", "otp", "+84****484", "203.0.113.9")
    ]
    assert (first.levelname, getattr(second, "account", None)) == ("INFO", "customer-2")
    await refusals.save()
    assert getattr(caplog.records[2], "times", None) == 2 * 999
    refusals.note(asking(), "rate_limited")
    assert len(caplog.records) == 4


async def test_a_round_has_so_many_lines(refusals: Refusals, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever strangers ask."""
    caplog.set_level(logging.INFO)
    for number in range(1, ACCOUNTS + 1):
        refusals.note(asking(number), "rate_limited")
    assert len(caplog.records) == LINES_A_ROUND
    await refusals.save()
    assert getattr(caplog.records[-1], "times", None) == ACCOUNTS - LINES_A_ROUND


async def test_so_many_accounts_are_told_apart_in_the_metrics(store: Store) -> None:
    """A label's values must not be as many as there are customers."""
    metrics = Metrics()
    refusals = Refusals(store.execute, FakeClock().now, metrics.refusal)
    for number in range(ACCOUNTS, 0, -1):
        refusals.note(asking(number), "rate_limited")
    refusals.note(asking(ACCOUNTS), "rate_limited")
    refusals.note(asking(0), "credential_unknown")
    lines = [
        line for line in metrics.render().decode().splitlines() if line.startswith("onema_refusals_total")
    ]
    assert len(lines) == NAMED_ACCOUNTS + 2
    assert f'onema_refusals_total{{account="customer-{ACCOUNTS}",reason="rate_limited"}} 2.0' in lines
    others = f'onema_refusals_total{{account="{OTHER_ACCOUNTS}",reason="rate_limited"}}'
    assert f"{others} {float(ACCOUNTS - NAMED_ACCOUNTS)}" in lines
    assert 'onema_refusals_total{account="",reason="credential_unknown"} 1.0' in lines
