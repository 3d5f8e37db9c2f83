"""A code goes out by one channel after the other, whatever happens in between, and whoever asks for more."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.cancel_code import CancelCode
from onema.domain.codes.channel_plan import (
    MOST_MESSAGES,
    NEXT_CHANNEL,
    PAUSE_MS,
    SENT_AGAIN,
    HowToSend,
    Progress,
    Step,
    opened,
    progress_of,
    subject_of,
)
from onema.domain.codes.check_code import CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.send_in_sandbox import BOUND, SendInSandbox
from onema.domain.codes.send_more import (
    PLAN_OVER,
    NewMessage,
    NotSent,
    SendMore,
    StartNextChannel,
)
from onema.domain.codes.start_verification import PLAN_ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import verification_state
from onema.domain.configuration import documents as doc
from onema.domain.delivery.end_job import EndJob
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.hold_restored import HoldRestored
from onema.domain.delivery.payload import open_payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import Channel, Event, Job, JobKind, LiveVerification, Message, MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import VerificationState
from onema.domain.values.phone import Phone
from onema.testing.pure_store import context_of
from tests.unit.domain.watched_store import Move, WatchedStore

ACCOUNT = AccountId(1)
PHONE = Phone("+84901888484")
CODE = "000000"
"""The alphabet is 01, and the entropy nothing but zeros."""
TTL_MS = 300_000
SMS, CALL = Channel.SMS, Channel.CALL
CONFIGURATION = (
    doc.Carrier(name="c", type="test"),
    doc.Tariff(
        name="default",
        rates=(doc.Rate(channel="sms", price="850"), doc.Rate(channel="call", price="400", period=6)),
    ),
    doc.Account(name="acme", number=ACCOUNT, windows=(), wallet="postpaid"),
    doc.Brandname(account="acme", name="Acme"),
    doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
    doc.Application(account="acme", name="app", sentence="Your code is"),
)
PLANS = st.lists(
    st.tuples(st.sampled_from([SMS, CALL]), st.integers(1, 120), st.sampled_from(["receipt", "check"])),
    min_size=1,
    max_size=5,
).map(
    lambda rows: tuple(
        Step(one, after * 1000 if n else 0, without) for n, (one, after, without) in enumerate(rows)
    )
)


class Plans(RuleBasedStateMachine):
    """One code and its plan. `seen` is what a slow process or client knows of it, however long ago."""

    @initialize(steps=PLANS)
    def begin(self, steps: tuple[Step, ...]) -> None:
        self.store = WatchedStore(context_of(*CONFIGURATION))
        self.steps = steps
        self.now = 1_800_000_000_000
        self.ids = 0
        self.verification = self.next_id()
        self.over_at = 0
        """When the code stopped being waited for; 0 while it is."""
        self.began = [(steps[0].channel, self.now)]
        """Each message, oldest first."""
        how = HowToSend(
            steps=steps,
            dialect="test",
            home_country="VN",
            client_ip="127.0.0.1",
            application="app",
            reference="r",
            category="code",
            brandname="Acme",
            text="{OTP} is your code",
            voice="en",
            job=self.next_id() if len(steps) > 1 else 0,
        )
        new = NewMessage(**self.new(self.verification, PLAN_ENTROPY_BYTES))
        code = NewCode("01", 6, TTL_MS, how=how)
        self.expires_at = self.now + TTL_MS
        self.store.run(new.by(steps[0].channel, how, code))
        self.seen = self.live
        self.seen_progress = self.progress

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    def new(self, identifier: int, entropy: int = NONCE_BYTES) -> dict[str, Any]:
        """What every new message needs."""
        return {
            "account": ACCOUNT,
            "id": MessageId(identifier),
            "now": self.now,
            "entropy": bytes(entropy),
            "phone": PHONE,
        }

    def one_more(self) -> dict[str, Any]:
        """And what every further one does, as far as that was seen."""
        plan = self.seen.plan if self.seen is not None else b""
        return self.new(self.next_id()) | {"purpose": "code", "verification": self.verification, "plan": plan}

    @property
    def live(self) -> LiveVerification | None:
        row = self.store.rows.get((LiveVerification, ACCOUNT, PHONE, "code"))
        return row if isinstance(row, LiveVerification) and row.verification == self.verification else None

    @property
    def progress(self) -> Progress | None:
        return progress_of(self.live)

    @property
    def job(self) -> Job | None:
        jobs = [
            row
            for row in self.store.rows.values()
            if isinstance(row, Job) and row.kind == JobKind.NEXT_CHANNEL
        ]
        assert len(jobs) <= 1
        return jobs[0] if jobs else None

    @property
    def messages(self) -> list[Message]:
        rows = [row for row in self.store.rows.values() if isinstance(row, Message)]
        return sorted(rows, key=lambda row: row.id)

    @property
    def is_pending(self) -> bool:
        live = self.live
        return live is not None and verification_state(live, self.now) is VerificationState.PENDING

    def events(self, kind: str) -> list[str]:
        rows = [row for row in self.store.rows.values() if isinstance(row, Event) and row.kind == kind]
        return [row.data for row in sorted(rows, key=lambda row: row.id)]

    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1000

    @rule()
    def look(self) -> None:
        """What is seen now is what is asked with later."""
        self.seen, self.seen_progress = self.live, self.progress

    @rule(lease=st.sampled_from([0, 0, 0, 1]))
    def the_job_comes(self, lease: int) -> None:
        """Also too early, twice, from a process whose lease is over, and after a look long ago."""
        job = self.job
        if job is None:
            return
        assert subject_of(job) == (PHONE, "code")
        seen = self.seen_progress if self.seen is not None else None
        before, pending, arrived = self.progress, self.is_pending, self._has_arrived
        made = self.take_on(job, lease)
        due = before is not None and before.next_at and self.now >= before.next_at
        may = not lease and pending and due and before == seen
        waits = (
            may and before is not None and not (arrived and self.steps[before.step + 1].without == "receipt")
        )
        assert made == bool(waits)
        if made and before is not None:
            self.began.append((self.steps[before.step + 1].channel, self.now))

    def take_on(self, job: Job, lease: int = 0) -> bool:
        """As the process does that has leased the job."""
        seen = self.seen_progress if self.seen is not None else None
        command = StartNextChannel(**self.one_more(), job=job.id, lease=job.lease + lease, seen=seen)
        made: bool = self.store.run(command)
        return made

    @property
    def _has_arrived(self) -> bool:
        progress = self.progress
        message = self.store.rows.get((Message, ACCOUNT, progress.message)) if progress else None
        return isinstance(message, Message) and message.state == MessageState.DELIVERED

    @rule(by_next=st.booleans(), named=st.booleans())
    def somebody_asks(self, by_next: bool, named: bool) -> None:
        """For more, knowing what was seen."""
        if self.seen is None or self.seen_progress is None:
            return
        before = self.progress
        command = SendMore(
            **self.one_more(),
            next=by_next,
            step=self.seen_progress.step + by_next,
            request=f"request {self.ids}" if named else "",
            request_digest="d",
        )
        made, refused = len(self.messages), None
        sent: Any = None
        try:
            sent = self.store.run(command)
        except Refused as error:
            refused = error
        if refused is not None:
            assert (refused.refusal, refused.wait_ms > 0) == (Refusal.RATE_LIMITED, True)
            assert len(self.messages) == made
            return
        if not self.is_pending:
            assert sent is NotSent.OVER
            return
        assert before is not None
        if sent is NotSent.NO_NEXT:
            assert by_next
            assert before.step + 1 == len(self.steps)
            return
        assert sent.message == command.id
        step = before.step + by_next
        self.began.append((self.steps[step].channel, self.now))
        assert by_next or self.now >= before.sent_at + PAUSE_MS
        if named:
            # Asked once more, it is answered as it was, and sends nothing.
            made = len(self.messages)
            again = self.store.run(msgspec.structs.replace(command, id=MessageId(self.next_id())))
            assert again == Accepted(command.id, asked="d")
            assert len(self.messages) == made

    @rule()
    def the_newest_arrives(self) -> None:
        """Its receipt is all that the plan looks at."""
        newest = self.messages[-1]
        self.store.rows[newest.key] = msgspec.structs.replace(newest, state=MessageState.DELIVERED)

    @rule(right=st.integers(0, 8))
    def check(self, right: int) -> None:
        code = "999999" if right else CODE
        self.store.run(CheckCode(account=ACCOUNT, id=self.next_id(), now=self.now, phone=PHONE, code=code))
        assert right or not self.is_pending

    @rule(really=st.integers(0, 5))
    def cancel(self, really: int) -> None:
        if not really:
            self.store.run(
                CancelCode(
                    account=ACCOUNT,
                    id=self.next_id(),
                    now=self.now,
                    phone=PHONE,
                    purpose="code",
                    verification=self.verification,
                )
            )

    @rule()
    def the_job_fails(self) -> None:
        """And is tried again."""
        if (job := self.job) is not None:
            again = FinishJob(job=job.id, lease=job.lease, id=self.next_id(), retry_at=self.now)
            assert self.store.run(again)

    @invariant()
    def every_message_says_the_same_code(self) -> None:
        for message in self.messages:
            job = self.store.rows.get((Job, message.id))
            assert isinstance(job, Job)
            payload = open_payload(job.payload, message.id, self.store.context.keyring)
            said = payload.code if message.channel == CALL else payload.text[:6]  # type: ignore[union-attr]  # as the channel says
            assert said == CODE
            assert message.verification == self.verification
            assert message.code_expires_at == self.expires_at
            assert message.held == message.price > 0

    @invariant()
    def messages_are_those_that_were_due_or_asked_for(self) -> None:
        assert [one.channel for one in self.messages] == [channel for channel, _ in self.began]
        assert len(self.messages) <= MOST_MESSAGES
        told = self.events(NEXT_CHANNEL) + self.events(SENT_AGAIN)
        assert sorted(int(data.split()[1]) for data in told) == [one.id for one in self.messages[1:]]

    @invariant()
    def a_plan_that_goes_on_has_its_job(self) -> None:
        """Whatever happened: so no crash can lose it. The job is never due later than the plan goes on."""
        progress = self.progress
        if self.is_pending and progress is not None and progress.next_at:
            assert self.job is not None
            assert self.job.due_at <= max(progress.next_at, self.now)

    @invariant()
    def a_code_that_is_over_is_kept_nowhere_to_be_sent(self) -> None:
        live = self.live
        if live is None or not live.attempts_left:
            assert live is None or (live.plan, live.progress) == (b"", "")
            return
        how = opened(live.plan, self.verification, self.store.context.keyring)
        assert (how.code, how.steps) == (CODE, self.steps)


Plans.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestPlans = Plans.TestCase
TestPlans.__doc__ = (
    "In whatever order things happen, a plan sends what is due, once, and stops when the code is over."
)


def walk_of_a_plan(seed: int) -> Counter[Move]:
    """What becomes of one plan, and its job."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        return walk_in_the_sandbox(chance)
    plans = Plans()
    plans.begin(
        (Step(chance.choice([SMS, CALL])), Step(CALL, 30_000), Step(SMS, 30_000))[: chance.choice([2, 3])]
    )
    rules: tuple[Callable[[], object], ...] = (
        lambda: plans.time_passes(chance.choice([1, 30])),
        plans.look,
        lambda: plans.the_job_comes(0),
        lambda: plans.somebody_asks(chance.random() < 0.5, False),
        plans.the_job_fails,
        lambda: plans.check(chance.choice([0, 1, 1, 1])),
    )
    for _ in range(30):
        chance.choice(rules)()
    if (job := plans.job) is not None and chance.random() < 0.3:
        plans.store.run(
            HoldRestored(
                job=job.id,
                account=ACCOUNT,
                message=job.message,
                attempt=job.attempt,
                id=plans.next_id(),
                now=plans.now,
                receipt_until=plans.now,
            )
        )
    elif job is not None:
        plans.store.run(
            EndJob(
                job=job.id,
                lease=job.lease,
                id=plans.next_id(),
                now=plans.now,
                account=ACCOUNT,
                message=job.message,
                attempt=job.attempt,
                reason="it failed",
            )
        )
    return plans.store.seen


def walk_in_the_sandbox(chance: random.Random) -> Counter[Move]:
    """Codes of which nothing is sent, told to a callback URL, one after the other."""
    account = doc.Account(name="acme", number=ACCOUNT, windows=(), callback_url="https://example.test/")
    others = [one for one in CONFIGURATION if not isinstance(one, doc.Account)]
    store = WatchedStore(context_of(account, *others))
    for identifier in range(1, 9, 2):
        send = SendCode(
            account=ACCOUNT,
            id=MessageId(identifier),
            now=1_800_000_000_000 + identifier,
            entropy=bytes(PLAN_ENTROPY_BYTES),
            dialect="test",
            phone=PHONE,
            home_country="VN",
            client_ip="127.0.0.1",
            brandname="Acme",
            text=chance.choice(["{OTP} is your code", "{OTP} fits nothing"]),
            code=NewCode("01", 6, TTL_MS, own="111111", bound=BOUND),
        )
        store.run(SendInSandbox(send=send, callback=identifier + 1))
    assert store.balance(ACCOUNT) == 0
    assert store.ledger(ACCOUNT) == []
    return store.seen


def begun(*steps: Step) -> Plans:
    plans = Plans()
    plans.begin(steps)
    return plans


def test_what_arrived_is_not_followed_by_the_next_channel() -> None:
    """The plan is over, and says so; who asks for the next channel gets it all the same."""
    plans = begun(Step(SMS), Step(CALL, 30_000))
    plans.the_newest_arrives()
    plans.time_passes(30)
    plans.the_job_comes(0)
    assert plans.job is None
    assert plans.events(PLAN_OVER) == ["the message arrived"]
    plans.look()
    plans.somebody_asks(by_next=True, named=False)
    assert [one.channel for one in plans.messages] == [SMS, CALL]


def test_sending_again_begins_no_plan_that_had_ended() -> None:
    """The message had arrived, and the person asked for it all the same."""
    plans = begun(Step(SMS), Step(CALL, 30_000))
    plans.the_newest_arrives()
    plans.time_passes(30)
    plans.the_job_comes(0)
    plans.look()
    plans.somebody_asks(by_next=False, named=False)
    assert [one.channel for one in plans.messages] == [SMS, SMS]
    assert plans.progress is not None
    assert plans.progress.next_at == 0


def test_a_channel_without_a_check_follows_what_arrived() -> None:
    """Nobody typed the code."""
    plans = begun(Step(SMS), Step(CALL, 30_000, "check"))
    plans.the_newest_arrives()
    plans.time_passes(30)
    plans.the_job_comes(0)
    assert [one.channel for one in plans.messages] == [SMS, CALL]
    assert plans.events(NEXT_CHANNEL) == [f"call {plans.messages[1].id} (no check within 30 s)"]


def test_what_cannot_be_sent_is_passed_over() -> None:
    """The channel after it has its turn in time; of each refusal the story tells."""
    plans = begun(Step(SMS), Step(CALL, 30_000), Step(SMS, 20_000))
    without_application = [one for one in CONFIGURATION if not isinstance(one, doc.Application)]
    plans.store.context = context_of(*without_application)
    plans.time_passes(30)
    assert plans.job is not None
    assert not plans.take_on(plans.job)
    assert plans.events(PLAN_OVER) == ["call: application_unknown"]
    plans.time_passes(20)
    plans.look()
    plans.the_job_comes(0)
    assert [one.channel for one in plans.messages] == [SMS, SMS]
    assert plans.job is None


def test_a_solved_challenge_opens_the_rest_of_the_plan() -> None:
    """The guard began to ask for one after the plan did; without it the next channel is passed over."""
    challenging = context_of(*CONFIGURATION, doc.Guard(name="*", mode="challenge", countries=("FR",)))
    plans = begun(Step(SMS), Step(CALL, 60_000))
    plans.store.context = challenging
    plans.time_passes(40)
    plans.store.run(SendMore(**plans.one_more(), next=False, step=0, solved=True))
    plans.time_passes(60)
    plans.look()
    assert plans.job is not None
    assert plans.take_on(plans.job)
    alone = begun(Step(SMS), Step(CALL, 60_000))
    alone.store.context = challenging
    alone.time_passes(60)
    assert alone.job is not None
    assert not alone.take_on(alone.job)
    assert alone.events(PLAN_OVER) == ["call: challenge_required"]
