"""Whatever commands come, in whatever order, nothing leaves the tables of moves."""

import enum
import importlib
import pkgutil
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar, cast

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import initialize, rule

from onema import domain
from onema.domain.codes.approve_code import ApproveCode
from onema.domain.codes.cancel_code import CancelCode
from onema.domain.codes.check_code import CheckCode
from onema.domain.codes.forwarded_check import ForwardChecks, RecordForwardedCheck, Verdict
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.show_code import ShowCode
from onema.domain.codes.start_verification import NewCode
from onema.domain.codes.try_call import TryCall
from onema.domain.codes.try_carrier import TryCarrier
from onema.domain.delivery.call import CallState
from onema.domain.delivery.call_news import Told
from onema.domain.delivery.end_job import EndJob
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.hold_restored import HoldRestored
from onema.domain.delivery.leave_job import LeaveJob
from onema.domain.delivery.message_progress import callback_url
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.record_call_state import RecordCallState
from onema.domain.delivery.replay_callback import ReplayCallback
from onema.domain.delivery.requeue_job import RequeueJob
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import (
    Attempt,
    DeadJob,
    Job,
    JobKind,
    LiveVerification,
    Message,
    Row,
)
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import (
    MESSAGE,
    NEW,
    TIME,
    IllegalMove,
    JobState,
    job_state,
)
from onema.domain.values.phone import Phone
from onema.testing.pure_store import context_of
from tests.unit.domain.codes.test_channel_plans import walk_of_a_plan
from tests.unit.domain.delivery.test_money_follows_messages import (
    ACCOUNT,
    HOUR,
    PRICE,
    WHICH,
    Books,
    configuration,
)
from tests.unit.domain.watched_store import MACHINES, Move, WatchedStore

PHONE = "+84901888484"
ON_THE_WAY = [state for state in CallState if state is not CallState.ENDED]
TELLS = {"test": Told(frozenset(CallState), keys=True)}
WRONG = "999999"
RIGHT = "000000"
"""The alphabet of the codes sent here is 01, and their entropy is nothing but zeros."""

R = TypeVar("R", bound=Row)


def _name(attempt: Attempt) -> str:
    """What the carrier calls it."""
    return f"{attempt.message}-{attempt.number}"


class Moves(Books):
    """All that happens to messages, and codes are checked, jobs left to others, and dead ones requeued."""

    @initialize(
        capture_on=st.sampled_from(["submitted", "delivered"]),
        without=st.sampled_from(["", "receipt", "check"]),
        recall_after=st.sampled_from([(), ("busy", "voicemail")]),
    )
    def open_the_books(self, capture_on: str, without: str, recall_after: Any = ()) -> None:
        super().open_the_books(capture_on, without, recall_after)
        url = "https://example.test/"
        documents = configuration(capture_on, url, without=without, recall_after=recall_after)
        self.watched = WatchedStore(context_of(*documents))
        self.store = self.watched

    def one(self, row_type: type[R], which: int) -> R | None:
        rows = [row for row in self.store.rows.values() if isinstance(row, row_type)]
        return rows[which % len(rows)] if rows else None

    @rule(which=WHICH, kind=st.sampled_from(list(OutcomeKind)), retry=st.booleans())
    def answer(self, which: int, kind: OutcomeKind, retry: bool) -> None:
        """About an attempt that there is, however late."""
        if attempt := self.one(Attempt, which):
            self.report_outcome(attempt.message, kind, attempt.number, [_name(attempt)], retry=retry)

    @rule(which=WHICH, kind=st.sampled_from([OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED]))
    def receipt_of_an_attempt(self, which: int, kind: OutcomeKind) -> None:
        """However early or late."""
        if attempt := self.one(Attempt, which):
            self.report_receipt(_name(attempt), kind)

    @rule(which=WHICH, state=st.sampled_from(ON_THE_WAY), pressed=st.sampled_from(["", "1", "12"]))
    def hear_of_a_call(self, which: int, state: CallState, pressed: str) -> None:
        """Of any attempt, in any order."""
        if attempt := self.one(Attempt, which):
            self.store.run(
                RecordCallState(
                    id=self.next_id(),
                    now=self.now,
                    account=AccountId(ACCOUNT),
                    message=attempt.message,
                    attempt=attempt.number,
                    state=state,
                    at=self.now,
                    pressed=pressed,
                    tells=TELLS,
                )
            )

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * 60_000

    @rule(right=st.integers(0, 6))
    def check(self, right: int) -> None:
        code = WRONG if right else RIGHT
        self.store.run(
            CheckCode(
                account=AccountId(ACCOUNT), id=self.next_id(), now=self.now, phone=Phone(PHONE), code=code
            )
        )

    @rule(which=WHICH)
    def nobody_waits_for_the_code(self, which: int) -> None:
        """Any more."""
        if live := self.one(LiveVerification, which):
            self.store.run(
                CancelCode(
                    account=AccountId(ACCOUNT),
                    id=self.next_id(),
                    now=self.now,
                    phone=live.phone,
                    purpose=live.purpose,
                    verification=live.verification,
                )
            )

    @rule(which=WHICH)
    def sender_has_checked_the_code(self, which: int) -> None:
        """By itself."""
        if live := self.one(LiveVerification, which):
            self.store.run(
                ApproveCode(
                    account=AccountId(ACCOUNT),
                    id=self.next_id(),
                    now=self.now,
                    phone=live.phone,
                    purpose=live.purpose,
                    verification=live.verification,
                )
            )

    @rule(which=WHICH)
    def carrier_makes_the_code(self, which: int) -> None:
        """In place of ours."""
        if live := self.one(LiveVerification, which):
            self.store.run(
                ForwardChecks(
                    account=AccountId(ACCOUNT),
                    now=self.now,
                    phone=live.phone,
                    purpose=live.purpose,
                    verification=live.verification,
                    attempt=1,
                )
            )

    @rule(which=WHICH, verdict=st.sampled_from(list(Verdict)))
    def carrier_says(self, which: int, verdict: Verdict) -> None:
        """Of what was typed, or of what nobody typed."""
        if live := self.one(LiveVerification, which):
            self.store.run(
                RecordForwardedCheck(
                    account=AccountId(ACCOUNT),
                    id=self.next_id(),
                    now=self.now,
                    phone=live.phone,
                    purpose=live.purpose,
                    verification=live.verification,
                    reserved_at=self.now,
                    verdict=verdict,
                )
            )

    @rule()
    def send_a_text_of_no_template(self) -> None:
        sent = self.store.run(
            SendCode(
                account=AccountId(ACCOUNT),
                id=MessageId(self.next_id()),
                now=self.now,
                entropy=bytes(28),
                dialect="test",
                phone=Phone(PHONE),
                home_country="VN",
                client_ip="127.0.0.1",
                brandname="Acme",
                text="{OTP} is for you",
                code=NewCode("01", 6, 60_000),
            )
        )
        assert sent.refusal is Refusal.TEMPLATE_MISMATCH

    @rule()
    def show_a_code(self) -> None:
        self.store.run(
            ShowCode(
                account=AccountId(ACCOUNT),
                id=MessageId(self.next_id()),
                now=self.now,
                entropy=bytes(28),
                dialect="test",
                phone=Phone(PHONE),
                home_country="VN",
                client_ip="127.0.0.1",
                brandname="Acme",
                text="{OTP} is your code",
                code=NewCode("01", 6, 10 * 60_000),
            )
        )

    @rule()
    def try_a_carrier_by_a_call(self) -> None:
        """In the same way."""
        self.store.run(
            TryCall(
                account=AccountId(ACCOUNT),
                id=MessageId(self.next_id()),
                now=self.now,
                entropy=bytes(12),
                dialect="operator",
                phone=Phone(PHONE),
                home_country="VN",
                client_ip="",
                carrier="c",
                caller="",
                voice="en",
                code="123456",
                valid_until=self.now + 30_000,
            )
        )

    @rule()
    def try_a_carrier(self) -> None:
        """It costs nothing, and no table knows money of it."""
        self.store.run(
            TryCarrier(
                account=AccountId(ACCOUNT),
                id=MessageId(self.next_id()),
                now=self.now,
                entropy=bytes(12),
                dialect="operator",
                phone=Phone(PHONE),
                home_country="VN",
                client_ip="",
                carrier="c",
                sender="Acme",
                text="A test",
                valid_until=self.now + 30_000,
            )
        )

    @rule(which=WHICH)
    def leave(self, which: int) -> None:
        if job := self.one(Job, which):
            left = self.store.run(LeaveJob(job=job.id, lease=job.lease, due_at=self.now, carriers=("c",)))
            assert left == (job_state(job) in (JobState.TO_SEND, JobState.WATCHED))

    @rule(which=WHICH, done=st.booleans())
    def report(self, which: int, done: bool) -> None:
        """Of any job: only a callback may be done so."""
        job = self.one(Job, which)
        if job is None:
            return
        command = FinishJob(job=job.id, lease=job.lease, id=self.next_id(), retry_at=0 if done else self.now)
        if done and job_state(job) is not JobState.TO_REPORT:
            with pytest.raises(IllegalMove):
                self.store.run(command)
        else:
            assert self.store.run(command)

    @rule(which=WHICH)
    def give_up_any(self, which: int, bury_only: bool = False) -> None:
        """A callback too. The job alone, whose message is beyond help, leaves books that no invariant holds for."""
        if (job := self.one(Job, which)) is not None:
            self._give_up(job, bury_only)

    @rule(which=WHICH)
    def restore_a_backup(self, which: int) -> None:
        """In which the job was still to be done."""
        if (job := self.one(Job, which)) is not None:
            self.store.run(
                HoldRestored(
                    job=job.id,
                    account=AccountId(ACCOUNT),
                    message=job.message,
                    attempt=job.attempt,
                    id=self.next_id(),
                    now=self.now,
                    receipt_until=self.now + HOUR,
                )
            )

    def _give_up(self, job: Job, bury_only: bool) -> None:
        command = EndJob(
            job=job.id,
            lease=job.lease,
            id=self.next_id(),
            now=self.now,
            account=AccountId(ACCOUNT),
            message=job.message,
            attempt=job.attempt,
            reason="it failed",
            receipt_until=self.now + HOUR,
            bury_only=bury_only,
        )
        assert self.store.run(command)

    @rule(which=WHICH)
    def bury_a_settlement_and_requeue_it(self, which: int) -> None:
        """Its message waits on, whatever became of the job."""
        waiting = [
            row for row in self.store.rows.values() if isinstance(row, Job) and row.kind == JobKind.SETTLE
        ]
        if not waiting:
            return
        job = waiting[which % len(waiting)]
        self._give_up(job, bury_only=True)
        assert (Job, job.id) not in self.store.rows
        dead = self.ids
        self.store.run(
            RequeueJob(
                dead=dead, account=AccountId(ACCOUNT), message=job.message, id=self.next_id(), now=self.now
            )
        )
        assert (Job, job.id) in self.store.rows
        assert (DeadJob, dead) not in self.store.rows

    @rule(which=WHICH)
    def requeue(self, which: int) -> None:
        if (dead := self.one(DeadJob, which)) is None:
            return
        command = RequeueJob(
            dead=dead.id, account=AccountId(ACCOUNT), message=dead.message, id=self.next_id(), now=self.now
        )
        message = self.store.rows[(Message, ACCOUNT, dead.message)]
        assert isinstance(message, Message)
        waits = message.state not in MESSAGE.final and (Job, dead.message) not in self.store.rows
        told = dead.kind == JobKind.CALLBACK and message.state in MESSAGE.final
        if told or (dead.kind == JobKind.SETTLE and waits):
            self.store.run(command)
        else:
            with pytest.raises(Refused):
                self.store.run(command)

    @rule(which=WHICH)
    def replay(self, which: int) -> None:
        """Nobody is told of a message on its way, of one that was refused, or without a URL."""
        if (message := self.one(Message, which)) is None:
            return
        command = ReplayCallback(
            account=AccountId(ACCOUNT), message=message.id, id=self.next_id(), now=self.now
        )
        account = self.store.context.directory.accounts[ACCOUNT]
        told = message.state != "refused" and callback_url(account, message)
        if message.state in MESSAGE.final and told:
            self.store.run(command)
        else:
            with pytest.raises(Refused):
                self.store.run(command)


Moves.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestMoves = Moves.TestCase
TestMoves.__doc__ = "No command moves anything in a way that its table does not have."


def walk(seed: int) -> Counter[Move]:
    """What a course of events moves that has money enough, and mostly sends and hears of it."""
    chance = random.Random(seed)
    moves = Moves()
    recall_after = chance.choice([(), ("busy", "voicemail")])
    moves.open_the_books(chance.choice(["submitted", "delivered"]), "", recall_after)
    moves.top_up(1_000 * PRICE)
    kinds = list(OutcomeKind)
    often: tuple[Callable[[], object], ...] = (
        lambda: moves.start_attempt(chance.randrange(99)),
        lambda: moves.answer(chance.randrange(99), chance.choice(kinds), chance.random() < 0.5),
        lambda: moves.receipt_of_an_attempt(
            chance.randrange(99), chance.choice([OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED])
        ),
        lambda: moves.settle(chance.randrange(99)),
        lambda: moves.hear_of_a_call(
            chance.randrange(99), chance.choice(ON_THE_WAY), chance.choice(["", "1", "12"])
        ),
    )
    seldom: tuple[Callable[[], object], ...] = (
        lambda: moves.send(
            call=chance.random() < 0.3, given=chance.random() < 0.3, continues=chance.random() < 0.5
        ),
        lambda: [moves.check(chance.randrange(7)) for _ in range(chance.choice([1, 5]))],
        lambda: moves.sender_has_checked_the_code(chance.randrange(99)),
        lambda: moves.nobody_waits_for_the_code(chance.randrange(99)),
        lambda: moves.hand_to_nobody(chance.randrange(99)),
        lambda: moves.leave(chance.randrange(99)),
        lambda: moves.report(chance.randrange(99), chance.random() < 0.5),
        lambda: moves.give_up_any(chance.randrange(99), bury_only=chance.random() < 0.2),
        lambda: moves.restore_a_backup(chance.randrange(99)),
        lambda: moves.requeue(chance.randrange(99)),
        lambda: moves.bury_a_settlement_and_requeue_it(chance.randrange(99)),
        lambda: moves.time_passes(1),
        lambda: [chance.choice((moves.show_a_code, moves.try_a_carrier, moves.send_a_text_of_no_template))()],
        moves.try_a_carrier_by_a_call,
        lambda: moves.send_own_text(chance.random() < 0.7),
    )
    moves.send(call=False, given=False)
    for _ in range(60):
        chance.choice(often * 4 + seldom)()
    for _ in range(10):
        moves.carrier_makes_the_code(chance.randrange(99))
        moves.check(1)
        moves.carrier_says(chance.randrange(99), chance.choice(list(Verdict)))
        moves.replay(chance.randrange(99))
    return moves.watched.seen


def walk_of_one(seed: int) -> Counter[Move]:
    """What becomes of one code that is sent again and again, whatever its attempts say, and when."""
    chance = random.Random(seed)
    moves = Moves()
    moves.open_the_books("submitted", chance.choice(["receipt", "check"]))
    moves.top_up(10 * PRICE)
    moves.send(call=False, given=False)
    moves.start_attempt(0)
    moves.answer(0, chance.choice([OutcomeKind.SUBMITTED, OutcomeKind.UNKNOWN]), retry=False)
    for _ in range(12):
        chance.choice(
            (
                lambda: moves.send_again(0, chance.choice(["c", "c", "c", "c", ""])),
                lambda: moves.answer(chance.randrange(99), chance.choice(list(OutcomeKind)), retry=False),
                lambda: moves.receipt_of_an_attempt(chance.randrange(99), OutcomeKind.UNDELIVERED),
                lambda: chance.choice(
                    (moves.leave, moves.fail, moves.give_up, moves.check, moves.restore_a_backup)
                )(0),
            )
        )()
    return moves.watched.seen


def walk_of_late_words(seed: int) -> Counter[Move]:
    """A process that was taken for dead says that it sent nothing, and its carrier knows better."""
    chance = random.Random(seed)
    moves = Moves()
    moves.open_the_books("submitted", without="")
    moves.top_up(10 * PRICE)
    moves.send(call=False, given=False)
    moves.start_attempt(0)
    moves.answer(0, OutcomeKind.UNKNOWN, retry=False)
    moves.settle(0)
    moves.answer(0, chance.choice([OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT]), retry=False)
    moves.receipt_of_an_attempt(0, chance.choice([OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED]))
    return moves.watched.seen


def walk_of_a_call(seed: int) -> Counter[Move]:
    """A machine answered, the phone is to be called again, and perhaps nobody can."""
    chance = random.Random(seed)
    moves = Moves()
    moves.open_the_books("submitted", "", ("busy", "voicemail"))
    moves.top_up(100 * PRICE)
    moves.send(call=True, given=True)
    moves.start_attempt(0)
    moves.answer(0, OutcomeKind.UNDELIVERED, retry=False)
    chance.choice((moves.hand_to_nobody, moves.give_up, moves.start_attempt))(0)
    return moves.watched.seen


def test_no_table_has_a_move_that_nobody_makes() -> None:
    """Courses of events, drawn from fixed seeds, make each move by each of its commands sooner or later."""
    unmade = {
        (name, str(before), str(after), by)
        for name, machine in MACHINES.items()
        for (before, after), commands in machine.moves.items()
        for by in commands
        if by != TIME
    }
    for seed in range(2_000):
        for course in (walk, walk_of_one, walk_of_late_words, walk_of_a_call, walk_of_a_plan):
            unmade -= set(course(seed))
        if not unmade:
            break
    assert unmade == set()


@pytest.mark.parametrize("name", MACHINES)
def test_every_move_is_made_by_commands_that_there_are(name: str) -> None:
    """A command that was renamed is renamed in the tables."""
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}.")
    ]
    commands = {
        found.__name__ for module in modules for found in vars(module).values() if hasattr(found, "decide")
    }
    named = {command for by in MACHINES[name].moves.values() for command in by}
    assert named - commands <= {TIME}


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_can_be_reached_and_left_or_is_an_end(name: str) -> None:
    """No state is forgotten by its table."""
    machine = MACHINES[name]
    states: set[str] = set(cast(type[enum.StrEnum], type(next(iter(machine.final)))))
    assert {after for _, after in machine.moves} == states
    assert {before for before, _ in machine.moves} | machine.final == states | {NEW}


@pytest.mark.parametrize("name", MACHINES)
def test_a_move_that_is_in_no_table_raises(name: str) -> None:
    """And so does one that is there, when another command makes it."""
    machine = MACHINES[name]
    (before, after), _ = next(iter(machine.moves.items()))
    with pytest.raises(IllegalMove, match=f"object moves nothing from {before} to {after}"):
        machine.move(before, after, object())
