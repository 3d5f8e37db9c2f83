import pytest

from onema.domain.codes.call_with_code import CallWithCode, longest_call
from onema.domain.codes.start_verification import GivenCode
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.record_outcome import RecordOutcome
from onema.domain.delivery.record_receipt import Named, ReceiptResult, RecordReceipt
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Job, Message
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT, CALL, NOW = AccountId(1), MessageId(7), 1_800_000_000_000
PERIOD, PRICE = 6, 4_000_000
SENTENCE, CODE = "Your code is", "123456"
LONGEST = longest_call(SENTENCE, len(CODE), 1, 1.0)
HELD = PRICE * -(-LONGEST // PERIOD)


def ended(outcome: Outcome) -> PureStore:
    """A call at 400 per started six seconds, and how it ended."""
    store = PureStore(
        context_of(
            doc.Tariff(name="default", rates=(doc.Rate(channel="call", price="400", period=PERIOD),)),
            doc.Account(name="acme", number=ACCOUNT, windows=(), wallet="postpaid"),
            doc.Application(account="acme", name="app", sentence=SENTENCE),
        )
    )
    store.run(
        CallWithCode(
            account=ACCOUNT,
            application="app",
            id=CALL,
            now=NOW,
            entropy=bytes(12),
            dialect="test",
            phone=Phone("+84901888484"),
            home_country="VN",
            client_ip="127.0.0.1",
            code=GivenCode(CODE),
            voice="en",
            pool_required=False,
        )
    )
    assert store.balance(ACCOUNT) == -HELD
    store.run(StartAttempt(job=CALL, lease=0, now=NOW, lease_until=NOW, carrier="trunk"))
    store.run(
        RecordOutcome(
            id=8,
            now=NOW,
            account=ACCOUNT,
            message=CALL,
            attempt=1,
            outcome=outcome,
            receipt_until=NOW,
            carrier="trunk",
        )
    )
    return store


@pytest.mark.parametrize(
    ("seconds", "periods"), [(0.1, 1), (PERIOD, 1), (PERIOD + 0.1, 2), (2 * PERIOD, 2), (2 * PERIOD + 1, 3)]
)
def test_a_talk_costs_its_started_periods(seconds: float, periods: int) -> None:
    """From answer to hang-up; the rest of the hold goes back."""
    store = ended(Outcome(kind=OutcomeKind.DELIVERED, seconds=seconds))
    call = store.rows[(Message, ACCOUNT, CALL)]
    assert isinstance(call, Message)
    assert (call.held, call.charged, store.balance(ACCOUNT)) == (0, periods * PRICE, -periods * PRICE)


def test_a_call_is_charged_at_its_end_however_early_sms_are() -> None:
    """A carrier that first says that it took the call, and at its end how long was talked."""
    store = ended(Outcome(kind=OutcomeKind.SUBMITTED, references=("theirs",)))
    assert store.balance(ACCOUNT) == -HELD
    receipt = RecordReceipt(
        id=9,
        now=NOW,
        carrier="trunk",
        reference="theirs",
        named=Named(ACCOUNT, CALL, 1),
        outcome=Outcome(kind=OutcomeKind.DELIVERED, seconds=PERIOD + 1),
        forget_at=NOW,
    )
    assert store.run(receipt) is ReceiptResult.COUNTED
    assert store.balance(ACCOUNT) == -2 * PRICE


def test_a_talk_never_costs_more_than_was_held() -> None:
    """A carrier that reports too long a talk takes nobody below the floor."""
    assert ended(Outcome(kind=OutcomeKind.DELIVERED, seconds=10 * LONGEST)).balance(ACCOUNT) == -HELD


@pytest.mark.parametrize("kind", [OutcomeKind.UNDELIVERED, OutcomeKind.PERMANENT, OutcomeKind.TEMPORARY])
def test_a_call_that_nobody_answered_costs_nothing(kind: OutcomeKind) -> None:
    """Busy, declined, no answer, no way out: the hold goes back whole."""
    store = ended(Outcome(kind=kind, reason="busy"))
    assert store.balance(ACCOUNT) == 0
    assert (Job, CALL) not in store.rows
