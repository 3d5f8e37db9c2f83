"""A code of which nothing is heard is sent again: counted, paid for, and true whatever its attempts say, and when."""

from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings

from onema.domain.codes.check_code import CheckCode
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.ids import AccountId
from onema.domain.records import Attempt, Event, Job, JobKind, Message, MessageState
from onema.domain.state_machines import JobState, job_state
from onema.domain.values.phone import Phone
from tests.unit.domain.delivery.test_money_follows_messages import ACCOUNT, PRICE, Books

RIGHT = "000000"
"""The alphabet of the codes sent here is 01, and their entropy is nothing but zeros."""
S, U = OutcomeKind.SUBMITTED, OutcomeKind.UNKNOWN
DELIVERED, UNDELIVERED = OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED


class OneCode(Books):
    """A code that left by its first attempt, and is watched. Attempts are called r1, r2 and so on."""

    def __init__(
        self, without: str = "receipt", capture_on: str = "submitted", first: OutcomeKind = S
    ) -> None:
        super().__init__()
        self.open_the_books(capture_on, without)
        self.top_up(10 * PRICE)
        self.send(call=False, given=False)
        self.start_attempt(0)
        self.ends(1, first)

    @property
    def message(self) -> Message:
        message = self.store.rows[(Message, ACCOUNT, self.messages[0])]
        assert isinstance(message, Message)
        return message

    @property
    def job(self) -> Job | None:
        job = self.store.rows.get((Job, self.messages[0]))
        return job if isinstance(job, Job) else None

    @property
    def paid(self) -> int:
        return 10 * PRICE - self.store.balance(ACCOUNT)

    def attempt(self, number: int) -> str:
        attempt = self.store.rows[(Attempt, ACCOUNT, self.messages[0], number)]
        assert isinstance(attempt, Attempt)
        return attempt.state

    def ends(self, number: int, kind: OutcomeKind, *, retry: bool = False) -> None:
        self.report_outcome(self.messages[0], kind, number, [f"r{number}"], retry=retry)

    def reports(self, number: int, kind: OutcomeKind) -> None:
        self.report_receipt(f"r{number}", kind)

    def again(self, *, seconds: int = 30) -> bool:
        """When the silence is over; whether it was sent again."""
        self.now += seconds * 1000
        before = self.job
        self.send_again(0, "c")
        after = self.job
        return before is not None and after is not None and after.attempt == before.attempt + 1

    def check(self, code: str) -> None:
        self.store.run(
            CheckCode(account=AccountId(ACCOUNT), id=self.next_id(), now=self.now, phone=PHONE, code=code)
        )

    def said(self) -> list[str]:
        return [row.data for row in self.store.rows.values() if isinstance(row, Event)]

    def hold_together(self) -> None:
        self.the_balance_is_the_sum_of_the_ledger()
        self.every_hold_ends_at_most_once_and_costs_what_the_message_says()
        self.each_attempt_beside_the_first_is_paid_for_by_itself()
        self.a_message_arrived_when_an_attempt_did_and_failed_only_when_none_can()
        self.a_final_message_holds_nothing_and_has_no_job()
        self.an_attempt_awaits_no_more_parts_than_it_has()
        self.nothing_is_kept_to_send_once_nothing_may_be_sent()


PHONE = Phone("+84901888484")


@pytest.mark.parametrize("first", [S, U])
def test_a_code_of_which_nothing_is_heard_is_sent_again_and_paid_for_again(first: OutcomeKind) -> None:
    """Also one that may not have left at all: the plan says so. The code is the same, sealed in the job."""
    one = OneCode(first=first)
    assert one.job is not None
    assert (one.job.due_at, job_state(one.job)) == (one.now + 30_000, JobState.WATCHED)
    sealed = one.job.payload
    assert one.again()
    assert one.job is not None
    assert (one.job.payload, one.job.in_flight) == (sealed, True)
    assert one.paid == 2 * PRICE
    one.ends(2, S)
    assert (one.message.resends, one.attempt(2)) == (1, "submitted")
    one.hold_together()


def test_no_more_is_sent_than_the_account_pays_for() -> None:
    """Then only receipts are waited for, and nothing is kept to send."""
    one = OneCode()
    for number in (2, 3):
        assert one.again()
        one.ends(number, S)
    assert one.job is not None
    assert (one.job.kind, one.job.payload, one.message.resends) == (JobKind.SETTLE, b"", 2)
    assert not one.again()


@pytest.mark.parametrize("kind", [DELIVERED, UNDELIVERED])
def test_a_receipt_ends_the_watch(kind: OutcomeKind) -> None:
    """Good or bad: it is silence that is waited for."""
    one = OneCode()
    one.reports(1, kind)
    assert (one.message.state, one.job, one.paid) == (kind.value, None, PRICE)
    assert not one.again()


def test_a_right_check_ends_the_watch() -> None:
    """The person has the code, whatever the carrier reports."""
    one = OneCode()
    one.check(RIGHT)
    assert not one.again()
    assert (one.paid, "its code is not waited for any more" in one.said()) == (PRICE, True)
    assert one.job is not None
    assert (one.job.kind, one.job.payload) == (JobKind.SETTLE, b"")


def test_a_wrong_check_does_not() -> None:
    """It tells nothing of whether the code came."""
    one = OneCode()
    one.check("111111")
    assert one.again()


def test_a_code_that_has_expired_or_was_superseded_is_not_sent_again() -> None:
    """Nobody waits for it."""
    late = OneCode()
    assert not late.again(seconds=600)
    replaced = OneCode()
    replaced.send(call=False, given=False)
    assert not replaced.again()


def test_without_money_nothing_is_sent_again() -> None:
    """The first one's receipt still counts."""
    one = OneCode()
    one.store.context.directory.accounts[ACCOUNT].lowest_balance = one.store.balance(ACCOUNT)  # type: ignore[assignment]  # as if others had spent it
    assert not one.again()
    assert "balance_too_low" in one.said()
    one.reports(1, DELIVERED)
    assert (one.message.state, one.paid) == ("delivered", PRICE)
    one.hold_together()


def test_what_certainly_did_not_leave_is_paid_back() -> None:
    """And the next one may be tried, as often as the account pays for those that leave."""
    one = OneCode()
    assert one.again()
    one.ends(2, OutcomeKind.TEMPORARY, retry=True)
    assert (one.paid, one.message.resends, one.message.state) == (PRICE, 0, "sent")
    assert one.again(seconds=1)
    one.ends(3, OutcomeKind.PERMANENT)
    assert (one.paid, one.job and one.job.kind) == (PRICE, JobKind.SETTLE)
    one.hold_together()


@pytest.mark.parametrize("capture_on", ["submitted", "delivered"])
def test_a_code_that_arrives_twice_is_paid_for_twice(capture_on: str) -> None:
    """In whatever order, and once for each, however often the carriers say so."""
    for order in ((1, 2), (2, 1)):
        one = OneCode(capture_on=capture_on)
        assert one.again()
        one.ends(2, S)
        for number in (*order, *order):
            one.reports(number, DELIVERED)
            one.hold_together()
        assert (one.paid, one.message.charged, one.message.state) == (2 * PRICE, 2 * PRICE, "delivered")
        assert (one.attempt(1), one.attempt(2)) == ("delivered", "delivered")


def test_the_first_ones_receipt_may_come_while_the_second_is_under_way() -> None:
    """The message has arrived; the second one's end is still written down, and nothing is sent a third time."""
    one = OneCode()
    assert one.again()
    one.reports(1, DELIVERED)
    assert (one.message.state, one.job is not None and one.job.in_flight) == ("delivered", True)
    one.ends(2, S)
    assert (one.job, one.attempt(2), one.paid) == (None, "submitted", 2 * PRICE)
    one.reports(2, UNDELIVERED)
    assert (one.message.state, one.attempt(2)) == ("delivered", "undelivered")
    one.hold_together()


def test_it_is_undelivered_only_when_the_last_one_is() -> None:
    """One that is reported undelivered leaves the other to arrive."""
    one = OneCode()
    assert one.again()
    one.ends(2, S)
    one.reports(1, UNDELIVERED)
    assert one.message.state == "sent"
    one.reports(2, UNDELIVERED)
    assert (one.message.state, one.job, one.paid) == ("undelivered", None, 2 * PRICE)
    one.hold_together()


def test_an_account_that_pays_for_what_arrived_does_not_pay_for_a_first_one_that_did_not() -> None:
    """Only for the second, which was paid for when it began."""
    one = OneCode(capture_on="delivered")
    assert one.again()
    one.ends(2, S)
    one.reports(2, DELIVERED)
    assert (one.message.state, one.message.held, one.paid) == ("delivered", 0, PRICE)
    one.hold_together()


def test_a_plan_that_waits_for_the_check_does_not_believe_the_carrier() -> None:
    """It says delivered, and nobody types the code: it goes out again. The callback is made once."""
    one = OneCode(without="check")
    one.reports(1, DELIVERED)
    assert one.message.state == "delivered"
    assert one.job is not None
    assert job_state(one.job) is JobState.WATCHED
    assert one.again()
    one.ends(2, S)
    one.check(RIGHT)
    assert not one.again()
    assert (Job, one.messages[0]) not in one.store.rows
    assert (one.message.state, one.paid) == ("delivered", 2 * PRICE)
    one.hold_together()


KINDS = st.sampled_from(list(OutcomeKind))
EVENTS = st.one_of(
    st.tuples(st.just("again"), st.integers(1, 3), KINDS),
    st.tuples(st.just("ends"), st.integers(1, 3), KINDS),
    st.tuples(st.just("reports"), st.integers(1, 3), st.sampled_from([DELIVERED, UNDELIVERED, S])),
    st.tuples(st.sampled_from(["check", "settle", "leave", "give up"]), st.integers(1, 3), KINDS),
)


@settings(max_examples=200)
@given(
    st.sampled_from(["receipt", "check"]),
    st.sampled_from(["submitted", "delivered"]),
    st.sampled_from([S, U]),
    st.lists(EVENTS, max_size=14),
)
def test_whatever_happens_in_whatever_order_the_books_and_states_hold_together(
    without: str, capture_on: str, first: OutcomeKind, events: list[tuple[str, int, Any]]
) -> None:
    """Outcomes late and twice, receipts early, late, twice and against each other, jobs that are given up."""
    one = OneCode(without, capture_on, first)
    arrived = False
    for what, number, kind in events:
        match what:
            case "again":
                one.again(seconds=5)
            case "ends":
                one.ends(number, kind, retry=number == 2)
            case "reports":
                one.reports(number, kind)
            case "check":
                one.check(RIGHT)
            case "settle":
                one.settle(0)
            case "leave":
                one.fail(0)
            case "give up":
                one.give_up(0)
        one.hold_together()
        assert not (arrived and one.message.state != MessageState.DELIVERED), "what has arrived stays so"
        arrived = one.message.state == MessageState.DELIVERED
    assert one.message.charged <= (1 + one.message.resends) * PRICE


def test_outcomes_know_nothing_of_silence_without_a_plan() -> None:
    """The job forgets what it was to send, as ever."""
    one = OneCode(without="")
    assert one.job is not None
    assert (one.job.kind, one.job.payload, one.job.watch) == (JobKind.SETTLE, b"", "")
    assert not one.again()
    assert Outcome(kind=S).references == ()


def test_an_account_that_has_changed_its_mind_pays_for_no_more() -> None:
    """What counts is what it says when the silence is over."""
    one = OneCode()
    account = one.store.context.directory.accounts[ACCOUNT]
    account.document = msgspec.structs.replace(account.document, resends=0)
    assert not one.again()
    assert (one.paid, "the account pays for no more" in one.said()) == (PRICE, True)


def test_what_was_paid_when_it_began_is_not_paid_once_more_when_it_arrives() -> None:
    """However many arrive, and though the first one, which did not, cost nothing in the end."""
    one = OneCode(capture_on="delivered")
    for number in (2, 3):
        assert one.again()
        one.ends(number, S)
    for number in (2, 3):
        one.reports(number, DELIVERED)
    assert (one.message.state, one.paid) == ("delivered", 2 * PRICE)
    one.hold_together()
