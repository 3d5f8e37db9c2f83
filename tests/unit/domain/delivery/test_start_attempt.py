import msgspec
import pytest

from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import NewCode
from onema.domain.configuration import documents as doc
from onema.domain.delivery.fail_message import FailMessage
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.record_outcome import RecordOutcome, SettleMessage
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Attempt, InboxItem, Job, Message, MessageState
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT, MESSAGE, NOW = AccountId(1), MessageId(7), 1_800_000_000_000


def with_a_job() -> PureStore:
    store = PureStore(
        context_of(
            doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="1"),)),
            doc.Account(name="acme", number=ACCOUNT, windows=(), wallet="postpaid"),
            doc.Brandname(account="acme", name="Acme"),
            doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
        )
    )
    store.run(
        SendCode(
            account=ACCOUNT,
            id=MESSAGE,
            now=NOW,
            entropy=bytes(28),
            dialect="test",
            phone=Phone("+84901888484"),
            home_country="VN",
            client_ip="127.0.0.1",
            brandname="Acme",
            text="{OTP} is your code",
            code=NewCode("01", 6, 300_000),
        )
    )
    return store


def start(store: PureStore, lease: int = 0) -> int:
    command = StartAttempt(job=MESSAGE, lease=lease, now=NOW, lease_until=NOW + 30_000, carrier="first")
    number: int = store.run(command)
    return number


def outcome(kind: OutcomeKind, retry_at: int = 0) -> RecordOutcome:
    return RecordOutcome(
        id=8,
        now=NOW,
        account=ACCOUNT,
        message=MESSAGE,
        attempt=1,
        outcome=Outcome(kind=kind),
        receipt_until=NOW + 60_000,
        retry_at=retry_at,
    )


def test_an_attempt_is_written_down_and_the_lease_lasts_until_the_carrier_must_have_answered() -> None:
    """Before the first byte leaves us."""
    store = with_a_job()
    assert start(store) == 1
    job = store.rows[(Job, MESSAGE)]
    assert isinstance(job, Job)
    assert (job.in_flight, job.attempt, job.due_at) == (True, 1, NOW + 30_000)
    assert (Attempt, ACCOUNT, MESSAGE, 1) in store.rows


def test_what_is_in_flight_is_not_started_again() -> None:
    """Not even by who holds the lease: nobody knows yet what the carrier did."""
    store = with_a_job()
    start(store)
    before = dict(store.rows)
    assert start(store) == 0
    assert store.rows == before


def test_who_lost_the_lease_starts_and_fails_nothing() -> None:
    """Another process has the job, and nothing fails by this one either."""
    store = with_a_job()
    assert start(store, lease=5) == 0
    assert (Attempt, ACCOUNT, MESSAGE, 1) not in store.rows
    before = dict(store.rows)
    fail = FailMessage(
        id=9, now=NOW, job=MESSAGE, lease=5, account=ACCOUNT, message=MESSAGE, reason="nobody takes it"
    )
    assert store.run(fail) is False
    assert store.rows == before
    assert store.run(msgspec.structs.replace(fail, lease=0)) is True


def test_who_lost_the_lease_settles_and_finishes_nothing() -> None:
    """The other two ends of a job ask for the lease as well."""
    store = with_a_job()
    start(store)
    store.run(outcome(OutcomeKind.SUBMITTED))
    before = dict(store.rows)
    settle = SettleMessage(id=9, now=NOW, account=ACCOUNT, message=MESSAGE, lease=5)
    assert store.run(settle) is False
    assert store.run(FinishJob(job=MESSAGE, lease=5, id=10)) is False
    assert store.rows == before
    assert store.run(msgspec.structs.replace(settle, lease=0)) is True


def test_a_temporary_failure_lets_the_next_attempt_start() -> None:
    """It has the next number."""
    store = with_a_job()
    start(store)
    store.run(outcome(OutcomeKind.TEMPORARY, retry_at=NOW + 5_000))
    assert start(store) == 2


def test_a_simulated_phone_shows_nothing_of_a_text_that_is_gone() -> None:
    """A late word after the attempt was taken for unknown: its sealed text was erased then."""
    store = with_a_job()
    start(store)
    store.run(outcome(OutcomeKind.UNKNOWN))
    late = outcome(OutcomeKind.DELIVERED)
    store.run(msgspec.structs.replace(late, outcome=msgspec.structs.replace(late.outcome, shown=True)))
    message = store.rows[(Message, ACCOUNT, MESSAGE)]
    assert isinstance(message, Message)
    assert message.state == MessageState.DELIVERED
    assert not any(isinstance(row, InboxItem) for row in store.rows.values())


def test_a_message_that_ended_has_nothing_to_start() -> None:
    """Its job is gone."""
    store = with_a_job()
    del store.rows[(Job, MESSAGE)]
    assert start(store) == 0


@pytest.mark.parametrize(
    ("kind", "retry_at"), [(OutcomeKind.TEMPORARY, NOW + 5_000), (OutcomeKind.PERMANENT, 0)]
)
def test_a_late_word_that_nothing_left_us_ends_a_message_that_was_unknown(
    kind: OutcomeKind, retry_at: int
) -> None:
    """Who sent it was taken for dead, and its text is gone: it fails, costs nothing, and is not tried again."""
    store = with_a_job()
    start(store)
    store.run(outcome(OutcomeKind.UNKNOWN))
    assert store.run(outcome(kind, retry_at))
    message = store.rows[(Message, ACCOUNT, MESSAGE)]
    assert isinstance(message, Message)
    assert (message.state, message.held, message.charged) == (MessageState.FAILED, 0, 0)
    assert (Job, MESSAGE) not in store.rows
