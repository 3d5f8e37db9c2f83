"""The states of a message, an attempt, a call, a job, a code and a message's money: one table each.

A table names every move there is, (before, after), and the commands that make it; NEW stands for what was not there
before. Commands ask their table before they move anything, so that a move which is not in it cannot be saved.
docs/state-machines.md is drawn from these tables by `./dev docs`.
"""

import enum
from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from onema.domain.delivery.call import CallState as C
from onema.domain.records import HANDING_OVER, EntryKind, Job, JobKind, Message
from onema.domain.records import AttemptState as A
from onema.domain.records import MessageState as M
from onema.domain.values.money import Minor

S = TypeVar("S", bound=enum.StrEnum)

NEW: Final = "new"
TIME: Final = "time"
"""Stands where a command's name does: nobody moves this, it is so from then on."""


class IllegalMove(Exception):
    """Something was asked to go where its table does not let this command take it."""


class Machine(Generic[S]):
    """A table of moves. States are compared as texts, so that a row's own value needs no conversion."""

    def __init__(self, moves: Mapping[tuple[S | str, S], tuple[str, ...]], final: frozenset[S]) -> None:
        self.moves = moves
        self.final = final
        """States in which nothing is left to do; a late word may still lead out of one."""

    def may(self, before: str, after: S, by: object) -> bool:
        """Whether the command `by` may make this move."""
        return type(by).__name__ in self.moves.get((before, after), ())

    def move(self, before: str, after: S, by: object) -> S:
        """`after`. Raises IllegalMove."""
        if type(by).__name__ not in self.moves.get((before, after), ()):
            raise IllegalMove(f"{type(by).__name__} moves nothing from {before} to {after}")
        return after


MESSAGE: Final = Machine(
    {
        (NEW, M.ACCEPTED): (
            "SendCode",
            "CallWithCode",
            "SendText",
            "TryCarrier",
            "TryCall",
            "SendMore",
            "StartNextChannel",
        ),
        # Nothing is sent there.
        (NEW, M.DELIVERED): ("SendInSandbox",),
        (NEW, M.REFUSED): ("SendCode", "SendText", "SendInSandbox"),
        # A receipt may overtake the outcome of its own attempt, and counts with it.
        (M.ACCEPTED, M.SENT): ("RecordOutcome",),
        (M.ACCEPTED, M.UNKNOWN): ("RecordOutcome", "EndJob", "HoldRestored"),
        (M.ACCEPTED, M.DELIVERED): ("RecordOutcome",),
        # Its phone was called, and is not called again.
        (M.ACCEPTED, M.UNDELIVERED): ("RecordOutcome", "FailMessage", "EndJob"),
        (M.ACCEPTED, M.FAILED): ("RecordOutcome", "FailMessage", "EndJob"),
        # By its outcome where it was sent once more.
        (M.SENT, M.DELIVERED): ("RecordReceipt", "RecordOutcome"),
        (M.SENT, M.UNDELIVERED): ("RecordReceipt", "RecordOutcome"),
        (M.SENT, M.UNCONFIRMED): ("SettleMessage", "EndJob"),
        # It may have left us: only a receipt, a late answer or the end of waiting can tell.
        (M.UNKNOWN, M.SENT): ("RecordOutcome",),
        (M.UNKNOWN, M.DELIVERED): ("RecordOutcome", "RecordReceipt"),
        (M.UNKNOWN, M.UNDELIVERED): ("RecordOutcome", "RecordReceipt"),
        (M.UNKNOWN, M.FAILED): ("RecordOutcome",),
        (M.UNKNOWN, M.UNCONFIRMED): ("SettleMessage", "EndJob"),
        (M.UNCONFIRMED, M.DELIVERED): ("RecordOutcome", "RecordReceipt"),
        (M.UNCONFIRMED, M.UNDELIVERED): ("RecordOutcome", "RecordReceipt"),
    },
    final=frozenset({M.REFUSED, M.DELIVERED, M.UNDELIVERED, M.FAILED, M.UNCONFIRMED}),
)

ATTEMPT: Final = Machine(
    {
        (NEW, A.STARTED): ("StartAttempt", "StartResend"),
        (A.STARTED, A.SUBMITTED): ("RecordOutcome",),
        (A.STARTED, A.DELIVERED): ("RecordOutcome",),
        (A.STARTED, A.UNDELIVERED): ("RecordOutcome",),
        (A.STARTED, A.TEMPORARY): ("RecordOutcome",),
        (A.STARTED, A.PERMANENT): ("RecordOutcome",),
        (A.STARTED, A.UNKNOWN): ("RecordOutcome", "EndJob", "HoldRestored"),
        # Whoever sent it was taken for dead, and then answered.
        (A.UNKNOWN, A.SUBMITTED): ("RecordOutcome",),
        (A.UNKNOWN, A.DELIVERED): ("RecordOutcome", "RecordReceipt"),
        (A.UNKNOWN, A.UNDELIVERED): ("RecordOutcome", "RecordReceipt"),
        (A.UNKNOWN, A.TEMPORARY): ("RecordOutcome",),
        (A.UNKNOWN, A.PERMANENT): ("RecordOutcome",),
        (A.SUBMITTED, A.DELIVERED): ("RecordReceipt",),
        (A.SUBMITTED, A.UNDELIVERED): ("RecordReceipt",),
        # The carrier's later word is about the phone, and weighs more than what it answered.
        (A.TEMPORARY, A.DELIVERED): ("RecordReceipt",),
        (A.TEMPORARY, A.UNDELIVERED): ("RecordReceipt",),
        (A.PERMANENT, A.DELIVERED): ("RecordReceipt",),
        (A.PERMANENT, A.UNDELIVERED): ("RecordReceipt",),
    },
    final=frozenset({A.DELIVERED, A.UNDELIVERED, A.TEMPORARY, A.PERMANENT}),
)


CALL: Final = Machine(
    {
        (NEW, C.CALLING): ("RecordCallState",),
        (NEW, C.RINGING): ("RecordCallState",),
        (NEW, C.ANSWERED): ("RecordCallState",),
        # No event came before its end, or the end overtook them.
        (NEW, C.ENDED): ("RecordOutcome",),
        (C.CALLING, C.RINGING): ("RecordCallState",),
        (C.CALLING, C.ANSWERED): ("RecordCallState",),
        (C.CALLING, C.ENDED): ("RecordOutcome", "EndJob", "HoldRestored"),
        (C.RINGING, C.ANSWERED): ("RecordCallState",),
        (C.RINGING, C.ENDED): ("RecordOutcome", "EndJob", "HoldRestored"),
        # A key was pressed.
        (C.ANSWERED, C.ANSWERED): ("RecordCallState",),
        (C.ANSWERED, C.ENDED): ("RecordOutcome", "EndJob", "HoldRestored"),
        # Whoever placed it was taken for dead, and then told how it ended.
        (C.ENDED, C.ENDED): ("RecordOutcome",),
    },
    final=frozenset({C.ENDED}),
)


class JobState(enum.StrEnum):
    """What is to be done when a job's time comes. It follows from the job's row; a lease changes nothing of it."""

    TO_SEND = "to send"
    IN_FLIGHT = "in flight"
    """An attempt was started, and what became of it is not written down yet."""
    WATCHED = "watched"
    """It was sent, and is sent again when nothing is heard of it in time."""
    AWAITING_RECEIPT = "awaiting receipt"
    TO_REPORT = "to report"
    """A callback."""
    PLANNED = "planned"
    """A code goes out by its plan's next channel then, unless it was heard of."""
    DONE = "done"
    """There is no row any more."""
    DEAD = "dead"
    """It was given up, and is kept as a DeadJob."""


J = JobState

JOB: Final = Machine(
    {
        (NEW, J.TO_SEND): (
            "SendCode",
            "CallWithCode",
            "SendText",
            "TryCarrier",
            "TryCall",
            "SendMore",
            "StartNextChannel",
        ),
        (NEW, J.TO_REPORT): (
            "SendInSandbox",
            "RecordOutcome",
            "RecordReceipt",
            "SettleMessage",
            "FailMessage",
            "EndJob",
            "ReplayCallback",
            "RecordCallState",
        ),
        (J.TO_SEND, J.IN_FLIGHT): ("StartAttempt",),
        (J.TO_SEND, J.TO_SEND): ("LeaveJob", "FinishJob"),
        # The store was restored, and was ahead of its backup: it may have been sent.
        (J.TO_SEND, J.AWAITING_RECEIPT): ("HoldRestored",),
        # No carrier takes it.
        (J.TO_SEND, J.DONE): ("FailMessage",),
        (J.TO_SEND, J.DEAD): ("EndJob",),
        (J.IN_FLIGHT, J.TO_SEND): ("RecordOutcome",),
        (J.IN_FLIGHT, J.AWAITING_RECEIPT): ("RecordOutcome", "EndJob", "HoldRestored"),
        (J.IN_FLIGHT, J.DONE): ("RecordOutcome",),
        # A receipt may be about an attempt before the one in flight.
        (J.IN_FLIGHT, J.IN_FLIGHT): ("FinishJob", "RecordReceipt", "RecordOutcome"),
        (J.IN_FLIGHT, J.DEAD): ("EndJob",),
        (J.IN_FLIGHT, J.WATCHED): ("RecordOutcome",),
        (J.WATCHED, J.IN_FLIGHT): ("StartResend",),
        (J.WATCHED, J.WATCHED): ("LeaveJob", "FinishJob", "RecordReceipt", "RecordOutcome"),
        (J.WATCHED, J.AWAITING_RECEIPT): ("StartResend", "HoldRestored"),
        (J.WATCHED, J.DONE): ("RecordReceipt", "RecordOutcome", "StartResend"),
        (J.WATCHED, J.DEAD): ("EndJob",),
        # Of several attempts one did not arrive.
        (J.AWAITING_RECEIPT, J.AWAITING_RECEIPT): ("RecordOutcome", "FinishJob", "RecordReceipt"),
        (J.AWAITING_RECEIPT, J.DONE): ("RecordOutcome", "RecordReceipt", "SettleMessage"),
        (J.AWAITING_RECEIPT, J.DEAD): ("EndJob",),
        (J.TO_REPORT, J.TO_REPORT): ("FinishJob",),
        (J.TO_REPORT, J.DONE): ("FinishJob",),
        (J.TO_REPORT, J.DEAD): ("EndJob",),
        (NEW, J.PLANNED): ("SendCode", "CallWithCode"),
        (J.PLANNED, J.PLANNED): ("StartNextChannel", "SendMore", "FinishJob"),
        (J.PLANNED, J.DONE): ("StartNextChannel", "HoldRestored"),
        (J.PLANNED, J.DEAD): ("EndJob",),
        # A message that was given up has its end, and is never sent again.
        (J.DEAD, J.TO_REPORT): ("RequeueJob",),
        (J.DEAD, J.AWAITING_RECEIPT): ("RequeueJob",),
    },
    final=frozenset({J.DONE, J.DEAD}),
)


def job_state(job: Job) -> JobState:
    if job.in_flight:
        return J.IN_FLIGHT
    if job.kind in HANDING_OVER:
        return J.TO_SEND
    if job.kind == JobKind.RESEND:
        return J.WATCHED
    if job.kind == JobKind.NEXT_CHANNEL:
        return J.PLANNED
    return J.AWAITING_RECEIPT if job.kind == JobKind.SETTLE else J.TO_REPORT


class VerificationState(enum.StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    USED_UP = "attempts used up"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


V = VerificationState

VERIFICATION: Final = Machine(
    {
        (NEW, V.PENDING): ("SendCode", "CallWithCode", "ShowCode", "SendInSandbox"),
        (V.PENDING, V.PENDING): (
            # They send it once more where it continues.
            "SendCode",
            "CallWithCode",
            "CheckCode",
            "ForwardChecks",
            "RecordForwardedCheck",
            "SendMore",
            "StartNextChannel",
        ),
        (V.PENDING, V.VERIFIED): ("CheckCode", "RecordForwardedCheck", "ApproveCode"),
        (V.PENDING, V.USED_UP): ("CheckCode", "RecordForwardedCheck"),
        (V.PENDING, V.SUPERSEDED): ("SendCode", "CallWithCode", "ShowCode", "SendInSandbox"),
        (V.PENDING, V.EXPIRED): (TIME, "RecordForwardedCheck"),
        (V.PENDING, V.CANCELLED): ("CancelCode",),
    },
    final=frozenset({V.VERIFIED, V.USED_UP, V.SUPERSEDED, V.EXPIRED, V.CANCELLED}),
)

E = EntryKind

LEDGER: Final = Machine(
    {
        (NEW, E.TOP_UP): ("TopUpWallet",),
        (NEW, E.HOLD): ("SendCode", "CallWithCode", "SendText", "SendMore", "StartNextChannel"),
        # A capture of less than was held writes a release of the rest beside it.
        (E.HOLD, E.CAPTURE): ("RecordOutcome", "RecordReceipt", "SettleMessage", "FailMessage", "EndJob"),
        (E.HOLD, E.RELEASE): ("RecordOutcome", "RecordReceipt", "SettleMessage", "FailMessage", "EndJob"),
        # The message was charged after all.
        (E.RELEASE, E.ADJUST): ("RecordOutcome", "RecordReceipt"),
        # Each time that it was sent again was paid for by itself.
        (NEW, E.RESEND): ("StartResend",),
        (E.RESEND, E.RESEND_BACK): ("RecordOutcome",),
        # What is older than it is kept is dropped, and one entry for each account stands for all of it.
        (NEW, E.CLOSING): (TIME,),
        (E.CLOSING, E.CLOSING): (TIME,),
    },
    final=frozenset({E.TOP_UP, E.CAPTURE, E.RELEASE, E.ADJUST, E.RESEND, E.RESEND_BACK, E.CLOSING}),
)


def last_entry(message: Message) -> EntryKind:
    """The newest kind of entry about what a message costs that costs something, without its resends."""
    if message.held:
        return E.HOLD
    return E.CAPTURE if charged_first(message) else E.RELEASE


def charged_first(message: Message) -> Minor:
    """What was charged for sending it the first time."""
    return Minor(message.charged - message.resends * message.price)
