"""Whatever happens to messages, in whatever order, the books are right."""

from collections.abc import Sequence
from typing import Any, Literal

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.channel_plan import HowToSend, Step
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.send_text import SendText
from onema.domain.codes.start_verification import PLAN_ENTROPY_BYTES, GivenCode, NewCode
from onema.domain.codes.verification import PURPOSE
from onema.domain.configuration import documents as doc
from onema.domain.delivery.call import CallFacts
from onema.domain.delivery.end_job import EndJob
from onema.domain.delivery.fail_message import FailMessage
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.outcome import RECEIPT_WORDS, Ending, Outcome, OutcomeKind
from onema.domain.delivery.record_outcome import RecordOutcome, SettleMessage
from onema.domain.delivery.record_receipt import NOBODY, ReceiptResult, RecordReceipt, named_by
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.delivery.start_resend import StartResend
from onema.domain.ids import AccountId, MessageId
from onema.domain.money.top_up import TopUpWallet
from onema.domain.records import (
    HANDING_OVER,
    Attempt,
    Call,
    CarrierReference,
    Channel,
    DeadJob,
    EntryKind,
    Job,
    JobKind,
    LedgerEntry,
    Message,
    MessageState,
)
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import MESSAGE, JobState, charged_first, job_state
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(1)
PRICE = 8_500_000
HOW = HowToSend(
    steps=(Step(Channel.SMS),),
    dialect="test",
    home_country="VN",
    client_ip="127.0.0.1",
    application="app",
    reference="",
    category="",
)
FLOOR = -10_000_000
HOUR = 3_600_000
WHICH = st.integers(0, 99)
"""One of some rows, modulo how many there are."""
NAMES = ("r0", "r1", "r2", "r3")
"""What the carrier calls parts of attempts: so few that it uses them again."""


def configuration(
    capture_on: str,
    callback_url: str = "",
    without: str = "",
    recall_after: tuple[Literal["busy", "no_answer", "failed", "voicemail"], ...] = (),
) -> tuple[doc.Document, ...]:
    """`without` is what must not have come for a code to be sent again; never without it."""
    plan: Any = {"resend_after": 30, "resend_without": without} if without else {}
    return (
        doc.Carrier(name="c", type="test"),
        doc.Route(channel="sms", carrier="c", **plan),
        doc.Tariff(
            name="default",
            rates=(doc.Rate(channel="sms", price="850"), doc.Rate(channel="call", price="400", period=6)),
        ),
        doc.Account(
            name="acme",
            number=ACCOUNT,
            windows=(),
            floor="-1000",
            callback_url=callback_url,
            resends=2,
            capture_on=capture_on,  # type: ignore[arg-type]  # hypothesis draws one of the two
        ),
        doc.Brandname(account="acme", name="Acme"),
        doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
        doc.Application(
            account="acme",
            name="app",
            sentence="Your code is",
            pool="pool",
            recall_after=recall_after,
            recall_times=2,
        ),
        doc.HotlinePool(name="pool"),
        doc.Hotline(pool="pool", number="+842871000000"),
    )


class Books(RuleBasedStateMachine):
    """Sends, attempts, outcomes, receipts and settlements in any order."""

    @initialize(
        capture_on=st.sampled_from(["submitted", "delivered"]),
        without=st.sampled_from(["", "receipt", "check"]),
        recall_after=st.sampled_from([(), ("busy",), ("busy", "voicemail")]),
    )
    def open_the_books(self, capture_on: str, without: str, recall_after: Any = ()) -> None:
        documents = configuration(capture_on, without=without, recall_after=recall_after)
        self.store = PureStore(context_of(*documents))
        self.without = without
        self.recall_after = recall_after
        self.now = 1_800_000_000_000
        self.ids = 0
        self.messages: list[int] = []

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    @rule(amount=st.integers(0, 5 * PRICE))
    def top_up(self, amount: int) -> None:
        identifier = self.next_id()
        assert self.store.run(
            TopUpWallet(
                id=identifier, now=self.now, account="acme", reference=f"r{identifier}", amount=Minor(amount)
            )
        )

    @rule(call=st.booleans(), given=st.booleans(), continues=st.booleans())
    def send(self, call: bool, given: bool, continues: bool = False) -> None:
        identifier = self.next_id()
        common: dict[str, Any] = {
            "account": ACCOUNT,
            "id": identifier,
            "now": self.now,
            "entropy": bytes(PLAN_ENTROPY_BYTES),
            "dialect": "test",
            "phone": "+84901888484",
            "home_country": "VN",
            "client_ip": "127.0.0.1",
            "code": GivenCode("123456")
            if given
            else NewCode("01", 6, 10 * 60_000, how=HOW, continues=99)
            if continues
            else NewCode("01", 6, 10 * 60_000),
        }
        before = self.store.balance(ACCOUNT)
        sms: dict[str, Any] = {"brandname": "Acme", "text": "{OTP} is your code"}
        voice: dict[str, Any] = {"application": "app", "voice": "en"}
        try:
            self.store.run(CallWithCode(**common, **voice) if call else SendCode(**common, **sms))
        except Refused as refused:
            if refused.refusal is not Refusal.BALANCE_TOO_LOW or self.store.balance(ACCOUNT) != before:
                raise
        else:
            self.messages.append(identifier)

    @rule(fits=st.booleans())
    def send_own_text(self, fits: bool) -> None:
        identifier = self.next_id()
        command = SendText(
            account=AccountId(ACCOUNT),
            id=MessageId(identifier),
            now=self.now,
            entropy=bytes(12),
            dialect="test",
            phone=Phone("+84901888484"),
            home_country="VN",
            client_ip="127.0.0.1",
            brandname="Acme",
            text="4711 is your code" if fits else "4711 is for you",
        )
        try:
            self.store.run(command)
        except Refused as refused:
            if refused.refusal is not Refusal.BALANCE_TOO_LOW:
                raise
        else:
            if fits:
                self.messages.append(identifier)

    @precondition(lambda self: self.messages)
    @rule(which=WHICH)
    def start_attempt(self, which: int) -> None:
        job = self.store.rows.get((Job, self.messages[which % len(self.messages)]))
        if isinstance(job, Job):
            started = self.store.run(
                StartAttempt(
                    job=job.id, lease=job.lease, now=self.now, lease_until=self.now + HOUR, carrier="c"
                )
            )
            assert bool(started) == (job.kind in HANDING_OVER and not job.in_flight)

    @precondition(lambda self: self.messages)
    @rule(which=WHICH, carrier=st.sampled_from(["", "c"]))
    def send_again(self, which: int, carrier: str) -> None:
        """Nothing was heard of it; or there is nobody to send it by."""
        identifier = self.messages[which % len(self.messages)]
        job = self.store.rows.get((Job, identifier))
        message = self.store.rows[(Message, ACCOUNT, identifier)]
        if not isinstance(job, Job) or not isinstance(message, Message):
            return
        before = self.store.balance(ACCOUNT)
        number = self.store.run(
            StartResend(
                id=self.next_id(),
                now=self.now,
                job=job.id,
                lease=job.lease,
                account=ACCOUNT,
                message=MessageId(identifier),
                phone=Phone("+84901888484"),
                purpose=PURPOSE,
                lease_until=self.now + HOUR,
                carrier=carrier,
                why="nothing was heard",
            )
        )
        assert not number or (carrier and job_state(job) is JobState.WATCHED and number == job.attempt + 1)
        assert before - self.store.balance(ACCOUNT) == (message.price if number else 0)

    @precondition(lambda self: self.messages)
    @rule(
        which=WHICH,
        kind=st.sampled_from(list(OutcomeKind)),
        number=st.integers(1, 5),
        retry=st.booleans(),
        names=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    )
    def outcome(self, which: int, kind: OutcomeKind, number: int, retry: bool, names: list[str]) -> None:
        """It brings names for its parts: of nobody yet, of an early receipt, or of another attempt."""
        message = self.messages[which % len(self.messages)]
        self.report_outcome(message, kind, number, names, retry=retry)

    def report_outcome(
        self, message: int, kind: OutcomeKind, number: int, names: Sequence[str], *, retry: bool
    ) -> None:
        row = self.store.rows[(Message, ACCOUNT, message)]
        assert isinstance(row, Message)
        outcome = Outcome(kind=kind, references=tuple(names), seconds=7.0)
        if row.channel == Channel.CALL:
            # A machine answers every second call, the others are busy.
            ending = Ending.VOICEMAIL if number % 2 else Ending.BUSY
            talked = 7.0 if kind is OutcomeKind.DELIVERED or ending is Ending.VOICEMAIL else 0.0
            outcome = Outcome(
                kind=kind,
                references=tuple(names),
                seconds=talked,
                ending=ending if kind is OutcomeKind.UNDELIVERED else None,
                call=CallFacts(talk_seconds=talked),
            )
        self.store.run(
            RecordOutcome(
                id=self.next_id(),
                now=self.now,
                account=ACCOUNT,
                message=MessageId(message),
                attempt=number,
                outcome=outcome,
                receipt_until=self.now + HOUR,
                retry_at=self.now + 1 if retry else 0,
                carrier="c",
                news_id=self.next_id(),
            )
        )

    @rule(kind=st.sampled_from(sorted(RECEIPT_WORDS)), name=st.sampled_from(NAMES), stale=st.booleans())
    def receipt(self, kind: OutcomeKind, name: str, stale: bool) -> None:
        self.report_receipt(name, kind, stale=stale)

    def report_receipt(self, name: str, kind: OutcomeKind, *, stale: bool = False) -> None:
        """Of a name that was looked up before (`stale`: when it was nobody's). One that moved changes nothing."""
        row = self.store.rows.get((CarrierReference, "c", name))
        named = named_by(row) if isinstance(row, CarrierReference) else NOBODY
        before = dict(self.store.rows)
        result = self.store.run(
            RecordReceipt(
                id=self.next_id(),
                now=self.now,
                carrier="c",
                reference=name,
                named=NOBODY if stale else named,
                outcome=Outcome(kind=kind, seconds=7.0),
                forget_at=self.now + HOUR,
            )
        )
        moved = stale and named != NOBODY
        assert (result is ReceiptResult.MOVED) == moved
        if moved or result in (ReceiptResult.REPEATED, ReceiptResult.TOO_LATE):
            assert self.store.rows == before

    @precondition(lambda self: self.messages)
    @rule(which=WHICH)
    def settle(self, which: int) -> None:
        job = self.store.rows.get((Job, self.messages[which % len(self.messages)]))
        if isinstance(job, Job) and job.kind == JobKind.SETTLE:
            self.store.run(
                SettleMessage(
                    id=self.next_id(), now=self.now, account=ACCOUNT, message=job.message, lease=job.lease
                )
            )

    @precondition(lambda self: self.messages)
    @rule(which=WHICH)
    def fail(self, which: int) -> None:
        """The job raised; it keeps its attempt in flight."""
        job = self.store.rows.get((Job, self.messages[which % len(self.messages)]))
        if isinstance(job, Job):
            again = FinishJob(
                job=job.id, lease=job.lease, id=self.next_id(), note="failed", retry_at=self.now
            )
            assert self.store.run(again)
            left = self.store.rows[(Job, job.id)]
            assert isinstance(left, Job)
            assert (left.in_flight, left.kind) == (job.in_flight, job.kind)
            assert left.attempt == job.attempt + (not job.in_flight)

    @precondition(lambda self: self.messages)
    @rule(which=WHICH)
    def give_up(self, which: int) -> None:
        """What may have been sent is unknown and waits for its receipt, anything else has its end now."""
        job = self.store.rows.get((Job, self.messages[which % len(self.messages)]))
        if not isinstance(job, Job):
            return
        ended = self.store.run(
            EndJob(
                job=job.id,
                lease=job.lease,
                id=self.next_id(),
                now=self.now,
                account=ACCOUNT,
                message=job.message,
                attempt=job.attempt,
                reason="it failed",
                receipt_until=self.now + HOUR,
            )
        )
        assert ended
        message = self.store.rows[(Message, ACCOUNT, job.message)]
        assert isinstance(message, Message)
        left = self.store.rows.get((Job, job.id))
        if job.watch:
            assert left is None
        elif job.in_flight:
            assert message.state == MessageState.UNKNOWN
            assert isinstance(left, Job)
            assert left.kind == JobKind.SETTLE
        else:
            assert message.state in (
                MessageState.FAILED,
                MessageState.UNCONFIRMED,
                MessageState.UNDELIVERED,
            )
            assert left is None
        assert (DeadJob, self.ids) in self.store.rows

    @precondition(lambda self: self.messages)
    @rule(which=WHICH)
    def hand_to_nobody(self, which: int) -> None:
        """No carrier takes it: it ends at once, unless a carrier may have it already."""
        job = self.store.rows.get((Job, self.messages[which % len(self.messages)]))
        if not isinstance(job, Job):
            return
        failed = self.store.run(
            FailMessage(
                id=self.next_id(),
                now=self.now,
                job=job.id,
                lease=job.lease,
                account=ACCOUNT,
                message=job.message,
                reason="no carrier takes this number",
            )
        )
        assert failed == (job.kind in HANDING_OVER and not job.in_flight)
        if failed:
            message = self.store.rows[(Message, ACCOUNT, job.message)]
            assert isinstance(message, Message)
            assert message.state in (MessageState.FAILED, MessageState.UNDELIVERED)
            assert (Job, job.id) not in self.store.rows

    def attempts_of(self, identifier: int) -> list[Attempt]:
        numbers = range(1, 10)
        found = (self.store.rows.get((Attempt, ACCOUNT, identifier, number)) for number in numbers)
        return [row for row in found if isinstance(row, Attempt)]

    @invariant()
    def the_balance_is_the_sum_of_the_ledger(self) -> None:
        assert self.store.balance(ACCOUNT) == sum(entry.amount for entry in self.store.ledger(ACCOUNT))

    @invariant()
    def every_hold_ends_at_most_once_and_costs_what_the_message_says(self) -> None:
        for identifier in self.messages:
            message = self.store.rows[(Message, ACCOUNT, identifier)]
            assert isinstance(message, Message)
            entries = {
                entry.kind: entry.amount
                for entry in self.store.ledger(ACCOUNT)
                if entry.subject == identifier
            }
            assert sum(entries.values()) == -message.held - message.charged
            assert entries[EntryKind.HOLD] == -message.price
            ended = EntryKind.CAPTURE in entries or EntryKind.RELEASE in entries
            assert ended == (message.held == 0)
            assert 0 <= charged_first(message) <= message.price

    @precondition(lambda self: self.without)
    @invariant()
    def each_attempt_beside_the_first_is_paid_for_by_itself(self) -> None:
        """As long as it may have left; what certainly did not is paid back."""
        for identifier in self.messages:
            message = self.store.rows[(Message, ACCOUNT, identifier)]
            assert isinstance(message, Message)
            paid = [attempt for attempt in self.attempts_of(identifier) if attempt.paid]
            assert sum(attempt.paid for attempt in paid) == message.resends * message.price
            assert message.resends <= 2
            for attempt in paid:
                assert (LedgerEntry, ACCOUNT, identifier, f"resend {attempt.number}") in self.store.rows
                assert (
                    LedgerEntry,
                    ACCOUNT,
                    identifier,
                    f"resend back {attempt.number}",
                ) not in self.store.rows

    @precondition(lambda self: self.without)
    @invariant()
    def a_message_arrived_when_an_attempt_did_and_failed_only_when_none_can(self) -> None:
        """Of those that the books still know: a name that is used again is another attempt's."""
        for identifier in self.messages:
            message = self.store.rows[(Message, ACCOUNT, identifier)]
            assert isinstance(message, Message)
            states = {attempt.state for attempt in self.attempts_of(identifier)}
            if message.resends and message.state == MessageState.UNDELIVERED:
                assert not states & {"submitted", "unknown", "started"}
            if message.resends and "delivered" in states:
                assert message.state in ("delivered", "undelivered", "failed")

    @invariant()
    def each_call_is_charged_for_what_was_talked_in_it(self) -> None:
        """Each started period of each call, as long as its message's money lasts."""
        for identifier in self.messages:
            message = self.store.rows[(Message, ACCOUNT, identifier)]
            assert isinstance(message, Message)
            if message.channel != Channel.CALL or message.state not in ("delivered", "undelivered"):
                continue
            calls = [row for row in self.store.rows.values() if isinstance(row, Call)]
            talked = [call.talk_ms for call in calls if call.message == identifier]
            periods = sum(-(-ms // (1000 * message.period)) for ms in talked)
            assert message.charged <= min(message.price, periods * message.unit_price)

    @invariant()
    def a_phone_is_called_again_only_as_its_application_says(self) -> None:
        """So often at most, and never after a person answered."""
        for identifier in self.messages:
            reached = [
                row.state for row in self.attempts_of(identifier) if row.state in ("delivered", "undelivered")
            ]
            message = self.store.rows[(Message, ACCOUNT, identifier)]
            assert isinstance(message, Message)
            if message.channel == Channel.CALL:
                assert len(reached) <= (3 if self.recall_after else 1)
                assert "delivered" not in reached[:-1]

    @invariant()
    def a_final_message_holds_nothing_and_has_no_job(self) -> None:
        for identifier in self.messages:
            message = self.store.rows[(Message, ACCOUNT, identifier)]
            assert isinstance(message, Message)
            final = MessageState(message.state) in MESSAGE.final
            job = self.store.rows.get((Job, identifier))
            if isinstance(job, Job) and job.watch and (job.in_flight or message.state == "delivered"):
                # Another attempt is under way, or the code itself is waited for.
                assert job.payload
            else:
                assert (job is not None) == (not final)
            assert not (final and message.held)
            assert bool(message.ended_at) == final

    @invariant()
    def an_attempt_awaits_no_more_parts_than_it_has(self) -> None:
        for row in self.store.rows.values():
            if isinstance(row, Attempt):
                assert 0 <= row.awaited <= len(row.carrier_reference.split())

    @invariant()
    def nothing_is_kept_to_send_once_nothing_may_be_sent(self) -> None:
        for row in self.store.rows.values():
            # A callback's says how far a call was.
            if isinstance(row, Job) and row.kind != JobKind.CALLBACK:
                assert bool(row.payload) == (row.kind in HANDING_OVER or row.kind == JobKind.RESEND)


Books.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestBooks = Books.TestCase
TestBooks.__doc__ = "Ledger, balance, holds and jobs agree after every step of any course of events."
