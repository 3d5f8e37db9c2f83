"""One more message with a code that was sent before: because its plan says so and nothing was heard, or because its
sender asks for the next channel or for the same once more.

Each is a message of its own, limited and paid for as any. The live row says whether the code is still waited for and
how far its plan is, so that two who ask at once, or one who asks while the plan goes on, send one after the other or
not at all.
"""

import enum
from collections.abc import Iterable

import msgspec

from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.channel_plan import (
    MOST_MESSAGES,
    NEXT_CHANNEL,
    PAUSE_MS,
    SENT_AGAIN,
    HowToSend,
    Progress,
    next_at,
    opened,
    progress_of,
    written,
)
from onema.domain.codes.request_once import served_before
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import NewCode, SameCode
from onema.domain.codes.verification import forwarded, verification_state
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.silence import WITHOUT_RECEIPT
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel, Event, Job, Key, LiveVerification, Message, MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import JOB, VERIFICATION, JobState, job_state
from onema.domain.state_machines import VerificationState as V
from onema.domain.values.phone import Phone

PLAN_OVER = "no next channel"
"""The kind of the event of a verification whose plan is over."""


class NotSent(enum.Enum):
    OVER = "over"
    """Nobody waits for the code any more."""
    NO_NEXT = "no_next"
    """The plan has no further channel."""


class NewMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which message is made, of what, for whom: what it takes besides how to send."""

    account: AccountId
    id: MessageId
    now: int
    entropy: bytes
    phone: Phone
    request: str = ""
    request_digest: str = ""
    request_has_code: bool = False
    challenge: str = ""

    def by(self, channel: Channel, how: HowToSend, code: NewCode | SameCode) -> SendCode | CallWithCode:
        if channel == Channel.CALL:
            return CallWithCode(
                account=self.account,
                id=self.id,
                now=self.now,
                entropy=self.entropy,
                dialect=how.dialect,
                phone=self.phone,
                home_country=how.home_country,
                client_ip=how.client_ip,
                application=how.application,
                reference=how.reference,
                request=self.request,
                request_digest=self.request_digest,
                request_has_code=self.request_has_code,
                code=code,
                voice=how.voice,
                times=how.times,
                pool_required=False,
                category=how.category,
                person_ip=how.person_ip,
                person_country=how.person_country,
                device=how.device,
                solved=how.solved,
                challenge=self.challenge,
            )
        return SendCode(
            account=self.account,
            id=self.id,
            now=self.now,
            entropy=self.entropy,
            dialect=how.dialect,
            phone=self.phone,
            home_country=how.home_country,
            client_ip=how.client_ip,
            application=how.application,
            reference=how.reference,
            request=self.request,
            request_digest=self.request_digest,
            request_has_code=self.request_has_code,
            code=code,
            brandname=how.brandname,
            text=how.text,
            category=how.category,
            last_line=how.last_line,
            person_ip=how.person_ip,
            person_country=how.person_country,
            device=how.device,
            solved=how.solved,
            challenge=self.challenge,
        )


class _OneMore(NewMessage, frozen=True, kw_only=True, gc=False):
    """One more message for `verification`, whose code is for `purpose`. `plan` is its live row's, which never changes,
    as it was before the batch.
    """

    purpose: str
    verification: int
    plan: bytes

    def _live(self, world: World) -> tuple[LiveVerification, Progress] | None:
        """The row of the code, while it is waited for, and how far its plan is."""
        live = world.get(LiveVerification, self.account, self.phone, self.purpose)
        progress = progress_of(live)
        if live is None or progress is None or live.verification != self.verification:
            return None
        waits = VERIFICATION.may(verification_state(live, self.now), V.PENDING, self)
        return (live, progress) if waits and live.plan == self.plan else None

    def _how(self, context: Context) -> HowToSend:
        """Raises Unsealable."""
        return opened(self.plan, self.verification, context.keyring)

    def _send(self, how: HowToSend, step: int, expires_at: int) -> SendCode | CallWithCode:
        code = SameCode(how.code, self.verification, self.purpose, expires_at)
        return self.by(how.steps[step].channel, how, code)

    def _keys(self, context: Context, step: int) -> Iterable[Key]:
        """Also of the code's live row."""
        how = self._how(context)
        return self._send(how, min(step, len(how.steps) - 1), 0).keys(context)

    def _after(self, progress: Progress, how: HowToSend, step: int) -> Progress:
        """One more message went out, of this step; whatever follows waits from now on."""
        return msgspec.structs.replace(
            progress,
            step=step,
            next_at=next_at(how, step, self.now),
            message=self.id,
            messages=progress.messages + 1,
            sent_at=self.now,
            solved=how.solved,
        )

    def _event(self, kind: str, data: str) -> Event:
        return Event(self.account, self.verification, self.id, kind, data)


class SendMore(_OneMore, frozen=True, kw_only=True, gc=False):
    """Send the code by its plan's next channel now (`next`), or by the newest one's again; `step` is that of the
    message to be sent, as it was before the batch. `solved` and `challenge` are Send's.

    Result: Accepted, or NotSent. Raises Refused; RATE_LIMITED also while the message before may be on its way.
    """

    next: bool
    step: int
    solved: bool = False

    def keys(self, context: Context) -> Iterable[Key]:
        return (*self._keys(context, self.step), (Job, self._how(context).job))

    def decide(self, world: World, context: Context) -> Decision:
        how = self._how(context)
        if before := served_before(self._send(how, min(self.step, len(how.steps) - 1), 0), world, context):
            return Decision(before)
        found = self._live(world)
        if found is None:
            return Decision(NotSent.OVER)
        live, progress = found
        step = progress.step + self.next
        if step >= len(how.steps):
            return Decision(NotSent.NO_NEXT)
        if step != self.step:
            # The plan went on meanwhile: the rows of that channel were not asked for.
            raise _wait("the plan has just gone on", 1)
        if forwarded(live):
            raise Refused(Refusal.FEATURE_OFF, "the carrier made the code, and sends it once")
        if progress.messages >= MOST_MESSAGES:
            raise _wait(f"{MOST_MESSAGES} messages of a verification", live.expires_at - self.now)
        if not self.next and self.now < progress.sent_at + PAUSE_MS:
            raise _wait("the message before may be on its way", progress.sent_at + PAUSE_MS - self.now)
        # Who has solved a challenge for this code needs no other, and may bring the old one again.
        passes = how.solved or progress.solved
        asks = msgspec.structs.replace(self, challenge="") if passes else self
        how = _passing(how, passes or self.solved)
        sent = asks._send(how, step, live.expires_at).decide(world, context)
        if sent.result.refusal is not None:
            raise Refused(sent.result.refusal)
        after = self._after(progress, how, step)
        job = world.get(Job, how.job)
        if job is None:
            # What arrived has ended the plan, which nothing begins again.
            after = msgspec.structs.replace(after, next_at=0)
        kind = NEXT_CHANNEL if self.next else SENT_AGAIN
        event = self._event(kind, f"{how.steps[step].channel} {self.id} (asked for)")
        row = msgspec.structs.replace(live, progress=written(after))
        due = self._due(job, after.next_at) if job is not None else ()
        puts = (*sent.puts, row, *due)
        return Decision(sent.result, puts, (*sent.inserts, event), unsealed=sent.unsealed)

    def _due(self, job: Job, at: int) -> tuple[Job, ...]:
        """The plan's job when what follows has its time; where nothing does, it finds that out by itself."""
        if not at:
            return ()
        JOB.move(job_state(job), JobState.PLANNED, self)
        return (msgspec.structs.replace(job, due_at=at),)


class StartNextChannel(_OneMore, frozen=True, kw_only=True, gc=False):
    """Take the plan of a leased job on: send by the next channel when its time has come and nothing was heard, and say
    when the one after it begins. `seen` is how far the plan was before the batch; without it, and without a `plan`,
    there is nothing to go on with.

    Result: whether a message was made.
    """

    job: int
    lease: int
    seen: Progress | None = None

    def keys(self, context: Context) -> Iterable[Key]:
        row = (LiveVerification, self.account, self.phone, self.purpose)
        if self.seen is None:
            return ((Job, self.job), row)
        keys = ((Job, self.job), (Message, self.account, self.seen.message), row)
        try:
            return (*keys, *self._keys(context, self.seen.step + 1))
        except Refused:
            # The configuration has changed. It is decided with this one, and refused there.
            return keys

    def decide(self, world: World, context: Context) -> Decision:
        job = world.get(Job, self.job)
        if job is None or job.lease != self.lease or job_state(job) is not JobState.PLANNED:
            return Decision(False)
        found = self._live(world)
        if found is None or self.seen is None or not found[1].next_at:
            return self._done(job)
        live, progress = found
        if self.now < progress.next_at or progress != self.seen:
            return Decision(False, puts=(self._due(job, max(progress.next_at, self.now)),))
        how, step = _passing(self._how(context), progress.solved), progress.step + 1
        newest = world.get(Message, self.account, progress.message)
        arrived = newest is not None and newest.state == MessageState.DELIVERED
        if arrived and how.steps[step].without == WITHOUT_RECEIPT:
            event = self._event(PLAN_OVER, "the message arrived")
            stopped = msgspec.structs.replace(progress, next_at=0)
            return self._done(job, msgspec.structs.replace(live, progress=written(stopped)), event)
        channel = how.steps[step].channel
        try:
            sent = self._send(how, step, live.expires_at).decide(world, context)
            refusal = sent.result.refusal
        except Refused as refused:
            refusal = refused.refusal
        if refusal is not None:
            event = self._event(PLAN_OVER, f"{channel}: {refusal.value}")
            passed = msgspec.structs.replace(progress, step=step, next_at=next_at(how, step, self.now))
            return self._go_on(job, live, passed, Decision(False, inserts=(event,)))
        waited = (self.now - progress.sent_at) // 1000
        why = f"no {how.steps[step].without} within {waited} s"
        event = self._event(NEXT_CHANNEL, f"{channel} {self.id} ({why})")
        done = Decision(True, sent.puts, (*sent.inserts, event), unsealed=sent.unsealed)
        return self._go_on(job, live, self._after(progress, how, step), done)

    def _go_on(self, job: Job, live: LiveVerification, progress: Progress, decided: Decision) -> Decision:
        """With the plan's next step, if there is one."""
        row = msgspec.structs.replace(live, progress=written(progress))
        decided.puts = (*decided.puts, row)
        if progress.next_at:
            decided.puts = (*decided.puts, self._due(job, progress.next_at))
            return decided
        JOB.move(job_state(job), JobState.DONE, self)
        decided.deletes = (*decided.deletes, job.key)
        return decided

    def _due(self, job: Job, at: int) -> Job:
        JOB.move(job_state(job), JobState.PLANNED, self)
        return msgspec.structs.replace(job, due_at=at)

    def _done(self, job: Job, live: LiveVerification | None = None, event: Event | None = None) -> Decision:
        JOB.move(job_state(job), JobState.DONE, self)
        return Decision(
            False,
            puts=(live,) if live is not None else (),
            inserts=(event,) if event is not None else (),
            deletes=(job.key,),
        )


def _passing(how: HowToSend, solved: bool) -> HowToSend:
    return msgspec.structs.replace(how, solved=True) if solved else how


def _wait(detail: str, wait_ms: int) -> Refused:
    return Refused(Refusal.RATE_LIMITED, detail, wait_ms=wait_ms)
