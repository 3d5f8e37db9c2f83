"""What must be so after every commit, after every message that leaves, and in the end."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from onema.channels.contract import Outgoing
from onema.delivery.attempt import ATTEMPTS_PER_MESSAGE
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.check_code import Check
from onema.domain.decision import Command
from onema.domain.records import (
    Attempt,
    Job,
    Key,
    LedgerEntry,
    LiveVerification,
    Message,
    Row,
    Wallet,
)
from onema.domain.state_machines import ATTEMPT, MESSAGE, NEW, Machine
from onema.testing.simulation.carriers import SimulatedCarrier

Rows = Mapping[Key, Row | None]


class Broken(AssertionError):
    """Something happened that must never happen."""


class Invariants:
    """`floors` is how low each account's wallet may get, by account; None where it may be as low as it likes."""

    def __init__(self, floors: Mapping[int, int | None]) -> None:
        self._floors = floors
        self._out: dict[int, tuple[int, str]] = {}
        """The attempt and carrier that a message may be at a phone by, as far as anybody knows for certain."""
        self._handed: set[tuple[int, int]] = set()
        """Message and attempt of what carriers got that may send one thing twice."""
        self._acknowledged: dict[int, int] = {}
        """The account of each message that its sender was told is accepted."""
        self._right: Counter[tuple[int, int]] = Counter()
        """How often a code was said to be right, by account and verification."""
        self.counted: Counter[str] = Counter()
        """What happened how often: who reads a run sees that it had everything in it."""

    # Commits.

    def judge(self, before: Rows, written: Rows, inserted: Sequence[Row]) -> None:
        """Raises Broken. Called before the rows are changed."""
        moved: defaultdict[int, int] = defaultdict(int)
        for row in inserted:
            if row.key in before:
                raise Broken(f"{row.table} has a row of this key already")
            if isinstance(row, LedgerEntry):
                moved[row.account] += row.amount
                self.counted[f"ledger {row.kind.rstrip(' 0123456789')}"] += 1
            elif isinstance(row, Message):
                self._moved(MESSAGE, NEW, row.state, f"message {row.id}")
            elif isinstance(row, Attempt):
                self._started(before, row)
        for key, now in written.items():
            was = before.get(key)
            if isinstance(now, Wallet):
                moved[now.account] -= now.balance - (was.balance if isinstance(was, Wallet) else 0)
                self._above_floor(was, now)
            elif isinstance(now, Message):
                self._message(was, now)
            elif isinstance(now, Attempt) and isinstance(was, Attempt):
                self._moved(ATTEMPT, was.state, now.state, f"attempt {now.number} of {now.message}")
            elif isinstance(now, LiveVerification):
                if now.attempts_left < 0:
                    raise Broken(f"a code of account {now.account} was tried more often than it may be")
            elif isinstance(now, Job) and isinstance(was, Job) and now.attempt < was.attempt:
                raise Broken(f"job {now.id} counts its attempts backwards")
        for account, difference in moved.items():
            if difference:
                raise Broken(f"wallet and ledger of account {account} differ by {difference}")

    def _moved(self, machine: Machine[Any], was: str, now: str, what: str) -> None:
        if was != now and (was, now) not in machine.moves:
            raise Broken(f"{what} went from {was} to {now}")
        if was != now:
            self.counted[f"{what.split(maxsplit=1)[0]} {now}"] += 1

    def _started(self, before: Rows, attempt: Attempt) -> None:
        self._moved(ATTEMPT, NEW, attempt.state, f"attempt {attempt.number} of {attempt.message}")
        most = ATTEMPTS_PER_MESSAGE + RECALLS
        if attempt.number > most:
            raise Broken(f"message {attempt.message} was tried more than {most} times")
        last = (Attempt, attempt.account, attempt.message, attempt.number - 1)
        if attempt.number > 1 and last not in before:
            raise Broken(f"message {attempt.message} has an attempt {attempt.number} and none before it")

    def _above_floor(self, was: Row | None, now: Wallet) -> None:
        floor = self._floors.get(now.account)
        balance = was.balance if isinstance(was, Wallet) else 0
        # What was found to be owed later may pass the floor, by one message's price each time.
        if floor is not None and now.balance < min(floor, balance) - _LARGEST_PRICE:
            raise Broken(f"account {now.account} has spent what it does not have")

    def _message(self, was: Row | None, now: Message) -> None:
        if not isinstance(was, Message):
            raise Broken(f"message {now.id} was changed before it was there")
        self._moved(MESSAGE, was.state, now.state, f"message {now.id}")
        if now.held < 0 or now.charged < 0:
            raise Broken(f"message {now.id} holds {now.held} and has cost {now.charged}")
        if now.state in MESSAGE.final and now.held:
            raise Broken(f"message {now.id} is over, and money for it is still held")

    # What carriers are given.

    def handed(self, carrier: SimulatedCarrier, outgoing: Outgoing) -> None:
        message, attempt = outgoing.message, outgoing.attempt
        earlier = self._out.get(message)
        if earlier is not None and not (carrier.idempotent and earlier == (attempt, carrier.name)):
            raise Broken(f"message {message} may be at its phone by {earlier} and was sent again")
        if not carrier.idempotent and (message, attempt) in self._handed:
            raise Broken(f"attempt {attempt} of message {message} was handed over twice")
        self._handed.add((message, attempt))
        self._out[message] = (attempt, carrier.name)
        self.counted["handed over"] += 1

    def nobody_got(self, carrier: SimulatedCarrier, outgoing: Outgoing) -> None:
        self._out.pop(outgoing.message, None)
        self.counted["not sent"] += 1

    # What callers are told.

    def accepted(self, account: int, accepted: Accepted) -> None:
        self._acknowledged[accepted.message] = account
        self.counted["accepted"] += 1

    def checked(self, account: int, verification: int, check: Check) -> None:
        """`verification` is the one whose code was typed."""
        self.counted[f"check {check.value}"] += 1
        if check is Check.RIGHT:
            self._right[account, verification] += 1
            if self._right[account, verification] > 1:
                raise Broken(f"the code of {verification} was right twice")

    # The end.

    def judge_end(self, rows: Mapping[Key, Row]) -> None:
        """When nothing is left to do. Raises Broken."""
        for message, account in self._acknowledged.items():
            row = rows.get((Message, account, message))
            if not isinstance(row, Message):
                raise Broken(f"message {message} was acknowledged and is gone")
        jobs = [row for row in rows.values() if isinstance(row, Job)]
        if jobs:
            raise Broken(f"{len(jobs)} jobs are never done, the first is {jobs[0].kind} of {jobs[0].message}")
        sums: Counter[int] = Counter()
        for row in rows.values():
            if isinstance(row, Message) and (row.state not in MESSAGE.final or row.held):
                raise Broken(f"message {row.id} stays {row.state} and holds {row.held}")
            if isinstance(row, LedgerEntry):
                sums[row.account] += row.amount
        for row in rows.values():
            if isinstance(row, Wallet) and row.balance != sums[row.account]:
                raise Broken(f"wallet and ledger of account {row.account} differ in the end")

    def told(self, command: Command) -> None:
        """A command was decided and committed."""
        self.counted[type(command).__name__] += 1
        self.counted["commands"] += 1


RECALLS = 1
"""So often a phone that was busy is called again, beside the attempts that did not get through."""
_LARGEST_PRICE = 100_000_000
"""Of one message of the simulation."""
