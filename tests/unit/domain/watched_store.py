"""A store that sees from its rows alone what each command moves."""

from collections import Counter
from typing import Any

from onema.domain.codes.cancel_code import CANCELLED
from onema.domain.codes.verification import verification_state
from onema.domain.decision import Command, Context
from onema.domain.records import (
    Attempt,
    Call,
    DeadJob,
    EntryKind,
    Event,
    Job,
    Key,
    LedgerEntry,
    LiveVerification,
    Message,
    Row,
)
from onema.domain.state_machines import (
    ATTEMPT,
    CALL,
    JOB,
    LEDGER,
    MESSAGE,
    NEW,
    VERIFICATION,
    JobState,
    Machine,
    VerificationState,
    job_state,
    last_entry,
)
from onema.testing.pure_store import PureStore

Move = tuple[str, str, str, str]
"""(machine, before, after, command)"""

MACHINES: dict[str, Machine[Any]] = {
    "message": MESSAGE,
    "attempt": ATTEMPT,
    "call": CALL,
    "job": JOB,
    "verification": VERIFICATION,
    "ledger": LEDGER,
}


class WatchedStore(PureStore):
    """Sees from the rows alone what each command moved, and fails on what no table has."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.seen: Counter[Move] = Counter()

    def run(self, command: Command) -> Any:
        before = dict(self.rows)
        result = super().run(command)
        for machine, here, there in self._moves(before, getattr(command, "now", 0)):
            by = type(command).__name__
            moves = MACHINES[machine].moves
            assert by in moves.get((here, there), ()), f"{by} moved a {machine} from {here} to {there}"
            self.seen[machine, here, there, by] += 1
        return result

    def _moves(self, before: dict[Key, Row], now: int) -> list[tuple[str, str, str]]:
        changed = {
            key for key in before.keys() | self.rows.keys() if before.get(key) is not self.rows.get(key)
        }
        return [
            move
            for key in changed
            for move in self._moves_of_a_row(before.get(key), self.rows.get(key), before, now)
        ]

    def _moves_of_a_row(
        self, old: Row | None, new: Row | None, before: dict[Key, Row], now: int
    ) -> list[tuple[str, str, str]]:
        match old, new:
            case (Message() | None, Message()):
                if old is None or old.state != new.state:
                    return [("message", old.state if old else NEW, new.state)]
            case (Attempt() | None, Attempt()):
                if old is None or old.state != new.state:
                    return [("attempt", old.state if old else NEW, new.state)]
            case (Call() | None, Call()):
                return [("call", old.state if old else NEW, new.state)]
            case (Job() | None, Job()):
                return [("job", job_state(old) if old else self._dead_before(before) or NEW, job_state(new))]
            case (Job(), None):
                return [
                    ("job", job_state(old), JobState.DEAD if self._buried(old, before) else JobState.DONE)
                ]
            case (LiveVerification() | None, LiveVerification()):
                return self._moves_of_a_code(old, new, now)
            case (LiveVerification(), None):
                state = verification_state(old, now)
                if state is VerificationState.EXPIRED:
                    return []  # the code has been expired before
                return [("verification", state, self._end_of(old.verification))]
            case (None, LedgerEntry()):
                return self._moves_of_money(new, before)
            case _:
                pass
        return []

    def _end_of(self, verification: int) -> VerificationState:
        """Of a code whose row is gone: its event says it."""
        told = {
            row.kind for row in self.rows.values() if isinstance(row, Event) and row.subject == verification
        }
        return VerificationState.CANCELLED if CANCELLED in told else VerificationState.VERIFIED

    def _moves_of_a_code(
        self, old: LiveVerification | None, new: LiveVerification, now: int
    ) -> list[tuple[str, str, str]]:
        if not new.verification:  # the phone's wrong checks stay when the code goes
            return self._moves_of_a_row(old, None, {}, now)
        after = verification_state(new, now)
        if old is not None and old.verification == new.verification:
            return [("verification", verification_state(old, now), after)]
        born = ("verification", NEW, after)
        if old is None or verification_state(old, now) in VERIFICATION.final:
            return [born]
        return [("verification", verification_state(old, now), VerificationState.SUPERSEDED), born]

    def _moves_of_money(self, entry: LedgerEntry, before: dict[Key, Row]) -> list[tuple[str, str, str]]:
        key = (LedgerEntry, entry.account, entry.subject)
        if entry.kind == EntryKind.RELEASE and (*key, EntryKind.CAPTURE) in self.rows:
            return []  # the rest of a capture
        if entry.kind.startswith(EntryKind.RESEND_BACK):
            return [("ledger", EntryKind.RESEND, EntryKind.RESEND_BACK)]
        if entry.kind.startswith(EntryKind.RESEND):
            return [("ledger", NEW, EntryKind.RESEND)]
        kinds = {row.kind for name, row in before.items() if name[:3] == key and isinstance(row, LedgerEntry)}
        message = before.get((Message, entry.account, entry.subject))
        last = last_entry(message) if isinstance(message, Message) and message.price else NEW
        assert (last == NEW) == (not kinds), "what a message says of its money is what the ledger says"
        assert last == NEW or last in kinds
        return [("ledger", last, entry.kind)]

    def _buried(self, job: Job, before: dict[Key, Row]) -> bool:
        rows = (row for key, row in self.rows.items() if key not in before)
        return any(isinstance(row, DeadJob) and row.job == job.id for row in rows)

    def _dead_before(self, before: dict[Key, Row]) -> JobState | None:
        gone = any(key[0] is DeadJob and key not in self.rows for key in before)
        return JobState.DEAD if gone else None
