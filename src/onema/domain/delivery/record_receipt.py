"""What a carrier says later of something that it gave a name to.

Whose name it is, is looked up before the batch, in rows that say it once and for all. The batch locks that row too, so
that a receipt and the outcome that brings its name cannot miss each other: whichever is decided first makes the row,
and the other one, on whatever node, finds it.
"""

import enum
from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.delivery import several
from onema.domain.delivery.message_progress import Advance, advance
from onema.domain.delivery.outcome import FINAL_WORDS, Outcome, OutcomeKind, keep_network
from onema.domain.delivery.signals import signal_of
from onema.domain.delivery.silence import watch_of
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import (
    Attempt,
    AttemptState,
    CarrierReference,
    Event,
    Job,
    Key,
    Message,
    MessageState,
    Row,
    Wallet,
)
from onema.domain.state_machines import ATTEMPT, MESSAGE
from onema.domain.values.written_ahead import TOLERATED_MS

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Outcome)


class ReceiptResult(enum.StrEnum):
    """What became of a receipt."""

    COUNTED = "counted"
    """Its message has reached its end by it."""
    NOTED = "noted"
    """It is kept and told in the message's story: a word on the way, or one part of several."""
    REPEATED = "repeated"
    """The carrier had said so before."""
    TOO_LATE = "too_late"
    """Its message has another end, which stands, or is not kept any more."""
    UNMATCHED = "unmatched"
    """None of ours has this name. It is kept: the outcome that brings the name may be under way."""
    MOVED = "moved"
    """Nothing was changed: the name is another attempt's than was known before the batch. To be asked again."""


class Named(msgspec.Struct, frozen=True, gc=False):
    """Whose name a carrier's reference is; nobody's where `message` is 0."""

    account: AccountId = AccountId(0)
    message: MessageId = MessageId(0)
    attempt: int = 0


NOBODY = Named()


def named_by(row: CarrierReference | None) -> Named:
    return Named(row.account, row.message, row.attempt) if row is not None and row.message else NOBODY


def last_word(row: CarrierReference | None) -> Outcome | None:
    """What the carrier said last of the one that the row names."""
    return _decoder.decode(row.receipt) if row is not None and row.receipt else None


class RecordReceipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A carrier's later word on what it calls `reference`, whose name that was (`named`) before the batch.

    It may overtake the attempt's own outcome, come twice, or days late; only the first final word on each part counts.
    The message is delivered when all parts are, undelivered when one finally is. A receipt that nobody's name matches
    is kept until `forget_at`.

    Result: ReceiptResult.
    """

    id: int
    now: int
    carrier: str
    reference: str
    named: Named
    outcome: Outcome
    forget_at: int

    def keys(self, context: Context) -> Iterable[Key]:
        name = (CarrierReference, self.carrier, self.reference)
        if not self.named.message:
            return (name,)
        account, message, attempt = self.named.account, self.named.message, self.named.attempt
        return (
            (Wallet, account),
            (Message, account, message),
            (Attempt, account, message, attempt),
            (Job, message),
            name,
        )

    def decide(self, world: World, context: Context) -> Decision:
        row = world.get(CarrierReference, self.carrier, self.reference)
        named = named_by(row)
        if named == NOBODY:
            return self._kept(row)
        if named != self.named or row is None:
            return Decision(ReceiptResult.MOVED)
        attempt = world.get(Attempt, named.account, named.message, named.attempt)
        message = world.get(Message, named.account, named.message)
        if attempt is None or message is None:
            return Decision(ReceiptResult.TOO_LATE)
        before = last_word(row)
        if before is not None and (before.kind in FINAL_WORDS or before.kind is self.outcome.kind):
            return Decision(ReceiptResult.REPEATED)
        if self.outcome.kind not in FINAL_WORDS:
            told = (self._with_network(attempt),) if self.outcome.network else ()
            return self._noted(row, str(self.outcome.kind), *told)
        after = MessageState(self.outcome.kind.value)
        ended = AttemptState(self.outcome.kind.value)
        job = world.get(Job, message.id)
        is_one_of_several = message.resends or (job is not None and job.watch)
        may = is_one_of_several or MESSAGE.may(message.state, after, self)
        if not may or not ATTEMPT.may(attempt.state, ended, self):
            same = message.state == after
            return Decision(ReceiptResult.REPEATED if same else ReceiptResult.TOO_LATE)
        if self.outcome.kind is OutcomeKind.DELIVERED and attempt.awaited > 1:
            one_less = msgspec.structs.replace(self._with_network(attempt), awaited=attempt.awaited - 1)
            return self._noted(row, f"one part delivered, {one_less.awaited} awaited", one_less)
        live: tuple[Job, ...] = ()
        if is_one_of_several:
            watch = watch_of(job)
            left = None if watch is None else watch.live - several.waits(attempt)
            live = several.with_live(job, left, self) if job is not None and left is not None else ()
            is_over = after is MessageState.DELIVERED or several.is_last(message, job, left)
            if not is_over or not MESSAGE.may(message.state, after, self):
                return self._one_of_several(world, row, message, attempt, after, live)
        step = Advance(
            by=self,
            id=self.id,
            now=self.now,
            after=after,
            reason=self.outcome.word,
            ending=self.outcome.ending or "",
            seconds=self.outcome.seconds,
            charges=not attempt.paid,
        )
        puts, inserts, deletes = advance(world, context, message, live[0] if live else job, step)
        if live and not deletes:
            puts.append(live[0])
        event = Event(named.account, named.message, self.id, f"receipt: {after}", step.reason)
        counted = Decision(ReceiptResult.COUNTED, (self._ended(attempt), *puts), (event, *inserts), deletes)
        counted.then = signal_of(self.outcome, message, self.now)
        return counted

    def _one_of_several(
        self,
        world: World,
        row: CarrierReference,
        message: Message,
        attempt: Attempt,
        after: MessageState,
        live: tuple[Job, ...],
    ) -> Decision:
        """It moves its attempt, and no more: the message has its end, or may arrive by another attempt."""
        puts: tuple[Row, ...] = (self._ended(attempt), *live)
        if after is MessageState.DELIVERED:
            charged, money = several.charge_late(world, message, attempt, self.now, self)
            if money:
                wallets = (one for one in money if isinstance(one, Wallet))
                entries = (one for one in money if not isinstance(one, Wallet))
                noted = self._noted(row, f"{after} by attempt {attempt.number}", *puts, charged, *wallets)
                return Decision(noted.result, noted.puts, (*noted.inserts, *entries))
        return self._noted(row, f"{after} by attempt {attempt.number}", *puts)

    def _with_network(self, attempt: Attempt) -> Attempt:
        network = keep_network(attempt.network, self.outcome.network)
        return msgspec.structs.replace(attempt, network=network)

    def _ended(self, attempt: Attempt) -> Attempt:
        return msgspec.structs.replace(
            attempt,
            state=ATTEMPT.move(attempt.state, AttemptState(self.outcome.kind.value), self),
            detail=self.outcome.detail or self.outcome.reason or attempt.detail,
            ended_at=self.now,
            awaited=0,
            ending=self.outcome.ending or attempt.ending,
            network=keep_network(attempt.network, self.outcome.network),
        )

    def _noted(self, row: CarrierReference, what: str, *puts: Row) -> Decision:
        noted = msgspec.structs.replace(row, received_at=self.now, receipt=_encoded(self.outcome))
        event = Event(row.account, row.message, self.id, f"receipt: {what}", self.outcome.word)
        return Decision(ReceiptResult.NOTED, puts=(*puts, noted), inserts=(event,))

    def _kept(self, row: CarrierReference | None) -> Decision:
        """For the outcome that brings the name. A final word is not taken back by one on the way."""
        before = last_word(row)
        if before is not None and before.kind in FINAL_WORDS and self.outcome.kind not in FINAL_WORDS:
            return Decision(ReceiptResult.REPEATED)
        kept = CarrierReference(
            carrier=self.carrier,
            reference=self.reference,
            account=AccountId(0),
            message=MessageId(0),
            attempt=0,
            expires_at=self.forget_at,
            received_at=self.now,
            receipt=_encoded(self.outcome),
        )
        return Decision(ReceiptResult.UNMATCHED, puts=(kept,))


class EarlyWords(msgspec.Struct, frozen=True, gc=False):
    """What had come of an attempt's parts before their names were recorded: `awaited` parts are left, unless `final` is
    the end of all. `rows` name the parts from now on.
    """

    awaited: int
    final: Outcome | None
    rows: tuple[CarrierReference, ...]


def take_early_words(world: World, attempt: Attempt, outcome: Outcome, expires_at: int) -> EarlyWords:
    """Give the attempt the names that its outcome brings. A name that was another attempt's is this one's now: carriers
    use their numbers again. A word from before the attempt began is about that other.
    """
    awaited, final, rows = max(outcome.parts, len(outcome.references)), None, []
    mine = Named(attempt.account, attempt.message, attempt.number)
    for reference in outcome.references:
        row = world.get(CarrierReference, attempt.carrier, reference)
        is_about_it = row is not None and (
            named_by(row) == mine
            or (not row.message and row.received_at >= attempt.started_at - TOLERATED_MS)
        )
        word = last_word(row) if is_about_it else None
        rows.append(
            CarrierReference(
                carrier=attempt.carrier,
                reference=reference,
                account=mine.account,
                message=mine.message,
                attempt=mine.attempt,
                expires_at=expires_at,
                received_at=row.received_at if row is not None and word is not None else 0,
                receipt=row.receipt if row is not None and word is not None else "",
            )
        )
        if word is None or word.kind not in FINAL_WORDS:
            continue
        awaited -= 1
        if word.kind is OutcomeKind.UNDELIVERED or (awaited == 0 and final is None):
            final = word
    return EarlyWords(awaited, final, tuple(rows))


def _encoded(outcome: Outcome) -> str:
    return _encoder.encode(outcome).decode()
