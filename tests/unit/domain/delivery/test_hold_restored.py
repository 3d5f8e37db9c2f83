"""What a restored store still had to do: docs/decisions/0065-restored-stores.md."""

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.delivery.hold_restored import BACKUP, WHY, ForgetBackup, HoldRestored
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import (
    Attempt,
    AttemptState,
    Call,
    DirectoryRevision,
    Event,
    Job,
    JobKind,
    Message,
    MessageState,
)
from onema.domain.values.money import NOTHING, Minor
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT, MESSAGE, NOW, UNTIL = AccountId(1), MessageId(7), 1_000, 9_000


def stored(state: MessageState, job: Job, *more: Attempt | Call) -> PureStore:
    store = PureStore(context_of(doc.Account(name="acme", number=1)))
    message = Message(
        account=ACCOUNT,
        id=MESSAGE,
        dialect="native",
        channel="sms",
        phone=Phone("+84901888484"),
        sender="Acme",
        application="",
        reference="",
        client_ip="",
        verification=0,
        code_expires_at=0,
        segments=1,
        period=0,
        unit_price=Minor(10),
        price=Minor(10),
        held=Minor(10),
        charged=NOTHING,
        talked_ms=0,
        state=state,
        reason="",
        ended_at=0,
    )
    store.rows = {row.key: row for row in (message, job, *more)}
    return store


def job(kind: JobKind, *, due_at: int = 0, in_flight: bool = False) -> Job:
    return Job(int(MESSAGE), kind, ACCOUNT, MESSAGE, due_at, 3, 1, in_flight, b"sealed")


def hold(store: PureStore) -> str:
    command = HoldRestored(
        job=int(MESSAGE), account=ACCOUNT, message=MESSAGE, attempt=1, id=99, now=NOW, receipt_until=UNTIL
    )
    held: str = store.run(command)
    return held


@pytest.mark.parametrize("kind", [JobKind.SMS, JobKind.CALL, JobKind.SCHEDULED])
def test_what_was_to_be_sent_is_unknown_and_waits_for_a_receipt(kind: JobKind) -> None:
    """It holds no text any more, so nobody can send it; the hold is untouched, and the story says why."""
    store = stored(MessageState.ACCEPTED, job(kind))
    assert hold(store) == kind
    message, after = store.rows[Message, ACCOUNT, MESSAGE], store.rows[Job, MESSAGE]
    assert isinstance(message, Message)
    assert isinstance(after, Job)
    assert (message.state, message.reason, message.held) == (MessageState.UNKNOWN, WHY, Minor(10))
    assert (after.kind, after.due_at, after.payload) == (JobKind.SETTLE, UNTIL, b"")
    assert store.rows[Event, ACCOUNT, MESSAGE, 99] == Event(ACCOUNT, MESSAGE, 99, str(kind), WHY)
    assert hold(store) == "", "a second look finds nothing to hold"


def test_an_attempt_in_flight_is_unknown_and_its_call_over() -> None:
    """Whoever made it is no more."""
    attempt = Attempt(ACCOUNT, MESSAGE, 1, "gw", "", AttemptState.STARTED, "", "", 1, 0)
    call = Call(ACCOUNT, MESSAGE, 1, "gw", "ringing", 1, heard_at=5)
    store = stored(MessageState.ACCEPTED, job(JobKind.CALL, in_flight=True), attempt, call)
    assert hold(store) == JobKind.CALL
    after, over = store.rows[attempt.key], store.rows[call.key]
    assert isinstance(after, Attempt)
    assert isinstance(over, Call)
    assert (after.state, after.ended_at) == (AttemptState.UNKNOWN, NOW)
    assert over.state == "ended"


def test_a_code_is_not_sent_once_more_and_its_plan_is_over() -> None:
    """One that had gone out keeps its state and waits for its receipt."""
    store = stored(MessageState.SENT, job(JobKind.RESEND))
    assert hold(store) == JobKind.RESEND
    message = store.rows[Message, ACCOUNT, MESSAGE]
    assert isinstance(message, Message)
    assert message.state == MessageState.SENT
    planned = stored(MessageState.SENT, job(JobKind.NEXT_CHANNEL))
    assert hold(planned) == JobKind.NEXT_CHANNEL
    assert (Job, MESSAGE) not in planned.rows


@pytest.mark.parametrize(
    "left", [job(JobKind.SCHEDULED, due_at=NOW + 1), job(JobKind.CALLBACK), job(JobKind.SETTLE)]
)
def test_what_nobody_can_have_sent_or_may_come_twice_stays(left: Job) -> None:
    """A text for later, a callback, and what settles without sending."""
    store = stored(MessageState.ACCEPTED, left)
    before = dict(store.rows)
    assert hold(store) == ""
    assert store.rows == before


def test_a_store_is_a_backup_until_it_runs() -> None:
    """Else each start would hold what the one before accepted."""
    store = stored(MessageState.ACCEPTED, job(JobKind.SMS))
    store.rows[DirectoryRevision, BACKUP] = DirectoryRevision(BACKUP, 5)
    store.run(ForgetBackup())
    assert (DirectoryRevision, BACKUP) not in store.rows
