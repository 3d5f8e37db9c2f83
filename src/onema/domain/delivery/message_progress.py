"""A message moves to its next state, and its money with it."""

import math

import msgspec

from onema.domain.configuration.directory import AccountView
from onema.domain.decision import Context, World
from onema.domain.delivery.silence import WITHOUT_CHECK, Watch, watch_of, watched
from onema.domain.ids import AccountId, MessageId
from onema.domain.money import wallet
from onema.domain.records import EntryKind, Job, JobKind, Key, Message, Row, Wallet
from onema.domain.records import MessageState as S
from onema.domain.state_machines import (
    JOB,
    LEDGER,
    MESSAGE,
    JobState,
    charged_first,
    job_state,
    last_entry,
)
from onema.domain.values.money import NOTHING, Minor

OPERATORS_OWN = "operator"
"""In the place of a dialect: what an operator sends to try a carrier."""


class Advance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What made a message move: the command, when, to where, why, how it ended, and for a call how long was
    talked. `id` is the command's; `settle_at` is when a receipt is no longer waited for, `job_end` what the job becomes
    otherwise. `charges` is False where what moved it was an attempt that is paid for by itself. `lands` says that
    the attempt ended which was in flight; with `watch` the job looks at `watch_at` whether to send once more.
    """

    by: object
    id: int
    now: int
    after: S
    reason: str = ""
    ending: str = ""
    seconds: float = 0.0
    settle_at: int = 0
    job_end: JobState = JobState.DONE
    charges: bool = True
    lands: bool = False
    watch: Watch | None = None
    watch_at: int = 0


def advance(
    world: World, context: Context, message: Message, job: Job | None, step: Advance
) -> tuple[list[Row], list[Row], tuple[Key, ...]]:
    """(puts, inserts, deletes): the message in its next state, the end of its hold, its job, its callback.

    SMS are charged once the carrier has them (or once delivered, where the account says so); calls for the
    started periods talked, each of them. Raises IllegalMove.
    """
    account, subject, after, by = message.account, message.id, step.after, step.by
    on_submitted = context.directory.accounts[account].capture_on_submitted
    state = MESSAGE.move(message.state, after, by)
    final = after in MESSAGE.final
    charge_now = step.charges and _is_charged(message, after, on_submitted)
    money: tuple[Row, ...] = ()
    held, charged = message.held, message.charged
    if held and charge_now:
        LEDGER.move(last_entry(message), EntryKind.CAPTURE, by)
        price = min(held, cost(message, step.seconds))
        charged = Minor(charged + price)
        money = wallet.capture(world, account, subject, held, price, step.now)
        held = NOTHING
    elif held and final and (charged or _certain_cost(message, after, on_submitted)):
        LEDGER.move(last_entry(message), EntryKind.CAPTURE, by)
        price = _certain_cost(message, after, on_submitted)
        charged = Minor(charged + price)
        money = wallet.capture(world, account, subject, held, price, step.now)
        held = NOTHING
    elif held and final:
        LEDGER.move(last_entry(message), EntryKind.RELEASE, by)
        money = wallet.release(world, account, subject, held, step.now)
        held = NOTHING
    elif charge_now and message.price and not charged_first(message) and message.state == S.UNCONFIRMED:
        LEDGER.move(last_entry(message), EntryKind.ADJUST, by)
        price = cost(message, step.seconds)
        charged = Minor(charged + price)
        money = wallet.adjust(
            world, account, subject, Minor(-price), step.now, "receipt after the hold had ended"
        )
    moved = msgspec.structs.replace(
        message,
        state=state,
        reason=step.reason or message.reason,
        ending=step.ending or message.ending,
        held=held,
        charged=charged,
        talked_ms=round(step.seconds * 1000) or message.talked_ms,
        ended_at=step.now if final else 0,
    )
    puts: list[Row] = [moved, *(row for row in money if isinstance(row, Wallet))]
    inserts: list[Row] = [row for row in money if not isinstance(row, Wallet)]
    if final:
        inserts += callback_job(context, moved, step.id, step.now)
    if job is None or _runs_on(job, step, final=final):
        return puts, inserts, ()
    if step.watch is not None:
        JOB.move(job_state(job), JobState.WATCHED, by)
        return [*puts, watched(job, step.watch_at, step.watch)], inserts, ()
    JOB.move(job_state(job), step.job_end if final else JobState.AWAITING_RECEIPT, by)
    if final:
        return puts, inserts, (job.key,)
    return [*puts, awaiting_receipt(job, step.settle_at)], inserts, ()


def _runs_on(job: Job, step: Advance, *, final: bool) -> bool:
    """Whether the job of a message that may be sent more than once goes on, whatever one of its attempts says."""
    watch = watch_of(job)
    if watch is None or step.lands or step.job_end is not JobState.DONE:
        return False
    if not final or job.in_flight:
        return True
    # That it arrived is only what the carrier says: the plan waits for the code itself.
    is_watched = job_state(job) is JobState.WATCHED
    return is_watched and step.after is S.DELIVERED and watch.without == WITHOUT_CHECK


def _is_charged(message: Message, after: S, on_submitted: bool) -> bool:
    if after is S.DELIVERED:
        return True
    # How long a call was talked is known at its end.
    return on_submitted and (after is S.UNDELIVERED or (after is S.SENT and not message.period))


def _certain_cost(message: Message, after: S, on_submitted: bool) -> Minor:
    """What a call has cost for certain whose end nobody saw, for as long as it was certainly talked."""
    if not message.period or after is not S.UNCONFIRMED or not on_submitted:
        return NOTHING
    return cost_of_attempt(message, message.talked_ms / 1000)


def cost_of_attempt(message: Message, seconds: float) -> Minor:
    """What the attempt costs that ended, out of what is still held."""
    return min(message.held, cost(message, seconds))


def cost(message: Message, seconds: float) -> Minor:
    """What the message costs: all of an SMS, or each started period of a call, at most what was held."""
    if not message.period:
        return message.price
    return min(message.price, Minor(message.unit_price * math.ceil(seconds / message.period)))


def delivery_job(kind: JobKind, account: AccountId, message: MessageId, due_at: int, payload: bytes) -> Job:
    """The job that hands an accepted message to a carrier; it has the message's id."""
    return Job(
        id=message,
        kind=kind,
        account=account,
        message=message,
        due_at=due_at,
        lease=0,
        attempt=0,
        in_flight=False,
        payload=payload,
    )


def callback_url(account: AccountView, message: Message) -> str:
    """Where the message's end is told: its own URL, else its application's or account's. That of an operator's own
    message is told to nobody.
    """
    if message.dialect == OPERATORS_OWN:
        return ""
    if message.callback_url:
        return message.callback_url
    application = account.applications.get(message.application)
    return (application.document.callback_url if application else "") or account.callback_url


def call_state_url(account: AccountView, message: Message) -> str:
    """Where it is told how far its call is: where its application wants that, else where its end is told."""
    application = account.applications.get(message.application)
    own = application.document.call_state_url if application else ""
    return own if own and message.dialect != OPERATORS_OWN else callback_url(account, message)


def callback_job(context: Context, message: Message, job_id: int, now: int) -> tuple[Job, ...]:
    """The callback that tells the integrator of a final state, where there is a URL for it."""
    if not callback_url(context.directory.accounts[message.account], message):
        return ()
    return (
        Job(
            id=job_id,
            kind=JobKind.CALLBACK,
            account=message.account,
            message=message.id,
            due_at=now,
            lease=0,
            attempt=0,
            in_flight=False,
            payload=b"",
        ),
    )


def awaiting_receipt(job: Job, settle_at: int) -> Job:
    """The message's job once nothing is left to send: it wakes when a receipt is no longer expected."""
    return msgspec.structs.replace(
        job, kind=JobKind.SETTLE, due_at=settle_at, in_flight=False, payload=b"", carrier=""
    )
