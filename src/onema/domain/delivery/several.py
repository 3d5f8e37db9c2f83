"""A message that was sent more than once: what one of its attempts says, beside what the others may still say.

It is delivered when one attempt is, and undelivered when the last that could arrive is not. Its first attempt that left
is paid for as every message is; each further one was paid for when it began, and that money comes back only when it
certainly did not leave.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import Advance, advance
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.silence import (
    WITHOUT_CHECK,
    Plan,
    Watch,
    encoded,
    no_more,
    plan_for,
    watch_of,
    watched,
)
from onema.domain.money import wallet
from onema.domain.records import Attempt, AttemptState, EntryKind, InboxItem, Job, Message, Row, Wallet
from onema.domain.records import MessageState as S
from onema.domain.state_machines import JOB, LEDGER, MESSAGE, JobState, charged_first, job_state, last_entry
from onema.domain.values.money import Minor

MAY_ARRIVE = (OutcomeKind.SUBMITTED, OutcomeKind.UNKNOWN)
DID_NOT_LEAVE = (OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT)
_WAITS = (AttemptState.SUBMITTED, AttemptState.UNKNOWN)


class Ended(Protocol):
    """RecordOutcome, as far as it is needed here."""

    @property
    def id(self) -> int: ...
    @property
    def now(self) -> int: ...
    @property
    def receipt_until(self) -> int: ...
    @property
    def retry_at(self) -> int: ...


def watched_from_now(context: Context, message: Message, carrier: str, step: Advance) -> Advance:
    """The first attempt left us: where the route and the account have a plan for silence, it begins."""
    if step.after not in (S.SENT, S.UNKNOWN, S.DELIVERED):
        return step
    plan = plan_for(context.directory, message, carrier, step.now)
    if plan is None or (step.after is S.DELIVERED and plan.without != WITHOUT_CHECK):
        return step
    watch = Watch(plan.without, step.settle_at, 1)
    return msgspec.structs.replace(step, watch=watch, watch_at=step.now + plan.after_ms)


def waits(attempt: Attempt) -> bool:
    """Whether its carrier may still report on it."""
    return attempt.state in _WAITS


def with_live(job: Job, live: int, by: object) -> tuple[Job, ...]:
    """The job knows how many attempts may still arrive; none where it need not know."""
    watch = watch_of(job)
    if watch is None or watch.live == live:
        return ()
    JOB.move(job_state(job), job_state(job), by)
    return (msgspec.structs.replace(job, watch=encoded(msgspec.structs.replace(watch, live=live))),)


def is_last(message: Message, job: Job | None, live: int | None) -> bool:
    """Whether no attempt but the one that has just ended can arrive. `live` None: nobody knows."""
    return message.state != S.UNCONFIRMED and live == 0 and not (job is not None and job.in_flight)


def charge_late(
    world: World, message: Message, attempt: Attempt, now: int, by: object
) -> tuple[Message, tuple[Row, ...]]:
    """The first attempt arrived after all, and its hold had ended without a charge: what there is to pay."""
    if attempt.paid or message.held or not message.price or charged_first(message):
        return message, ()
    LEDGER.move(last_entry(message), EntryKind.ADJUST, by)
    note = "receipt after the hold had ended"
    money = wallet.adjust(world, message.account, message.id, Minor(-message.price), now, note)
    return msgspec.structs.replace(message, charged=Minor(message.charged + message.price)), money


def one_ended(
    by: Ended,
    world: World,
    context: Context,
    message: Message,
    job: Job | None,
    attempt: Attempt,
    ended: Attempt,
    outcome: Outcome,
    named: Sequence[Row],
    told: Sequence[Row],
) -> Decision:
    """How one attempt of several ended, as its channel saw it. `ended` is the attempt's row then."""
    lands = job is not None and job.in_flight and job.attempt == attempt.number
    flying = job is not None and job.in_flight and not lands
    watch = watch_of(job)
    live = None if watch is None else watch.live + (outcome.kind in MAY_ARRIVE) - waits(attempt)
    money: tuple[Row, ...] = ()
    if outcome.kind in DID_NOT_LEAVE and attempt.paid:
        LEDGER.move(EntryKind.RESEND, EntryKind.RESEND_BACK, by)
        money = wallet.pay_resend_back(
            world, message.account, message.id, attempt.number, attempt.paid, by.now
        )
        message = msgspec.structs.replace(
            message, resends=message.resends - 1, charged=Minor(message.charged - attempt.paid)
        )
        ended = msgspec.structs.replace(ended, paid=Minor(0))
        # What the message moves now comes on top.
        world = World({row.key: row for row in money if isinstance(row, Wallet)})
    more = plan_for(context.directory, message, attempt.carrier, by.now) if lands else None
    again_at = _again_at(by, outcome, more, message)
    after = _after(by, message, attempt, outcome, is_last=live == 0 and not flying and not again_at)
    puts: list[Row] = [ended, *named, *(row for row in money if isinstance(row, Wallet))]
    inserts: list[Row] = [*told, *(row for row in money if not isinstance(row, Wallet))]
    shown = outcome.shown and lands and job is not None and message.state != S.DELIVERED
    if shown and job is not None and job.payload:
        inserts.append(InboxItem(message.id, message.phone, message.channel, message.sender, job.payload))
    settle_at = by.receipt_until if outcome.kind in MAY_ARRIVE or watch is None else watch.settle_at
    without = more.without if more else watch.without if watch else ""
    next_watch = Watch(without, settle_at, live or 0)
    if after is not None:
        step = Advance(
            by=by,
            id=by.id,
            now=by.now,
            after=after,
            reason=outcome.word,
            ending=outcome.ending or "",
            charges=not attempt.paid,
            lands=lands,
            settle_at=settle_at,
            watch=next_watch if lands and again_at else None,
            watch_at=again_at,
        )
        moved, more_inserts, deletes = advance(world, context, message, job, step)
        return Decision(True, (*puts, *moved), (*inserts, *more_inserts), deletes)
    if money:
        puts.append(message)
    if job is None:
        return Decision(True, tuple(puts), tuple(inserts))
    if not lands:
        return Decision(True, (*puts, *with_live(job, live or 0, by)), tuple(inserts))
    if again_at:
        JOB.move(job_state(job), JobState.WATCHED, by)
        return Decision(True, (*puts, watched(job, again_at, next_watch)), tuple(inserts))
    if S(message.state) in MESSAGE.final:
        JOB.move(job_state(job), JobState.DONE, by)
        return Decision(True, tuple(puts), tuple(inserts), (job.key,))
    JOB.move(job_state(job), JobState.AWAITING_RECEIPT, by)
    return Decision(True, (*puts, no_more(job, next_watch)), tuple(inserts))


def _again_at(by: Ended, outcome: Outcome, more: Plan | None, message: Message) -> int:
    """When to see whether it is to be sent once more; 0: never. After a temporary failure at once, and so whenever
    nothing of what was sent is left to wait for.
    """
    if more is None or outcome.kind is OutcomeKind.PERMANENT:
        return 0
    arrived = message.state == S.DELIVERED or outcome.kind is OutcomeKind.DELIVERED
    if arrived and more.without != WITHOUT_CHECK:
        return 0
    if S(message.state) in MESSAGE.final and message.state != S.DELIVERED:
        return 0
    if outcome.kind is OutcomeKind.TEMPORARY:
        return by.retry_at
    return by.now + more.after_ms


def _after(by: Ended, message: Message, attempt: Attempt, outcome: Outcome, *, is_last: bool) -> S | None:
    """Where the message goes by it, if anywhere."""
    match outcome.kind:
        case OutcomeKind.DELIVERED:
            after = S.DELIVERED
        case OutcomeKind.SUBMITTED if not attempt.paid:
            after = S.SENT
        case OutcomeKind.UNDELIVERED if is_last:
            after = S.UNDELIVERED
        case OutcomeKind.TEMPORARY | OutcomeKind.PERMANENT if is_last:
            after = S.FAILED if message.state == S.UNKNOWN else S.UNDELIVERED
        case _:
            return None
    return after if MESSAGE.may(message.state, after, by) else None
