"""The seeded simulator of the whole core: it finds nothing, and it would find what is broken."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from onema.channels.contract import Outgoing
from onema.delivery import attempt as attempts
from onema.domain.codes import check_code
from onema.domain.decision import Decision
from onema.domain.delivery.payload import open_payload
from onema.domain.money import wallet
from onema.domain.records import Job, JobKind, LedgerEntry, Row
from onema.testing.simulation.episode import run
from onema.testing.simulation.invariants import Broken
from onema.testing.simulation.store import WriterOfOne

COMMANDS = 3_000


def simulated(*arguments: str) -> str:
    command = [sys.executable, "-m", "onema.testing.simulation", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("seed", range(1, 5))
def test_nothing_breaks(seed: int) -> None:
    """And every kind of thing happened: a run in which nothing goes wrong proves nothing."""
    counted = run(seed, COMMANDS).counted
    assert counted["crashes"]
    assert counted["clocks set"]
    assert counted["refused"]
    for what in (
        "message delivered",
        "message failed",
        "message unconfirmed",
        "attempt unknown",
        "attempt temporary",
        "check right",
        "check wrong",
        "check nothing_to_check",
        "ledger capture",
        "ledger release",
        "SettleMessage",
        "receipts",
    ):
        assert counted[what] > 5, what


def test_a_seed_repeats_what_happened() -> None:
    """To the last command, in another process."""
    arguments = ("--seed", "7", "--commands", "1000", "--trace")
    assert simulated(*arguments) == simulated(*arguments)


def some_run(seeds: int = 20) -> None:
    for seed in range(seeds):
        run(seed, COMMANDS)


def found(what: str) -> None:
    """One of some seeds breaks, and says so in these words."""
    with pytest.raises(Broken, match=what):
        some_run()


def test_it_sees_what_is_sent_again_blindly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that takes a dead one's attempt over makes it again, whatever its carrier is."""

    async def blindly(self: Any, job: Job) -> None:
        carrier = self._carriers["alpha"]
        payload = open_payload(job.payload, job.message, self._keyring)
        await carrier.send(Outgoing(job.account, job.message, job.attempt, payload))

    monkeypatch.setattr(attempts.Attempts, "_take_over", blindly)
    found(r"handed over twice|was sent again")


def test_it_sees_a_code_that_is_right_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Using a code leaves its row as it was."""

    def kept(live: Any, now: int, event: Any) -> Decision:
        return Decision(check_code.Check.RIGHT, inserts=(event,))

    monkeypatch.setattr(check_code, "verified", kept)
    found("was right twice")


def test_it_sees_money_that_no_entry_tells_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release gives back less than it says."""
    original = wallet.release

    def short(*arguments: Any) -> tuple[Row, ...]:
        balance, entry = original(*arguments)
        assert isinstance(entry, LedgerEntry)
        return balance, msgspec.structs.replace(entry, amount=entry.amount - 1)

    monkeypatch.setattr(wallet, "release", short)
    found(r"wallet and ledger of account . differ")


def test_it_sees_a_commit_that_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks up whether a commit without an answer was made."""

    async def never(self: WriterOfOne, batch: int) -> bool:
        return False

    monkeypatch.setattr(WriterOfOne, "was_committed", never)
    found(r"has a row of this key already|wallet and ledger|went from|right twice|sent again")


def test_it_sees_what_was_acknowledged_and_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit whose answer is lost is taken for one that was made. What shows first depends on what was lost."""

    async def always(self: WriterOfOne, batch: int) -> bool:
        return True

    monkeypatch.setattr(WriterOfOne, "was_committed", always)
    found(r"is gone|was right twice|was sent again|handed over twice|stays|are never done|before it")


def test_it_sees_work_that_is_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody comes for messages whose receipts never come."""
    original = WriterOfOne.lease_jobs

    async def but_settlements(self: WriterOfOne, *asked: Any) -> Sequence[Job]:
        now, until, limit, kinds, *more = asked
        return await original(self, now, until, limit, set(kinds) - {JobKind.SETTLE}, *more)

    monkeypatch.setattr(WriterOfOne, "lease_jobs", but_settlements)
    found(r"jobs are never done, the first is settle")
