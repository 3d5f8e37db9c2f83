"""What becomes of one message in a demo's day: asked for, sent, received, typed, and told to its customer."""

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from onema.delivery.failed_jobs import RETRY_AFTER_SECONDS
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.check_code import CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import NewCode
from onema.domain.codes.verification import CODE_ENTROPY_BYTES, DIGITS, draw_code
from onema.domain.delivery.call import CallFacts, CallState
from onema.domain.delivery.callback_try import AGAIN, GIVEN_UP, CallbackTry
from onema.domain.delivery.end_job import EndJob
from onema.domain.delivery.endings import ended
from onema.domain.delivery.finish_job import FinishJob
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind, of_a_call
from onema.domain.delivery.record_call_state import RecordCallState
from onema.domain.delivery.record_outcome import RecordOutcome
from onema.domain.delivery.record_receipt import Named, RecordReceipt
from onema.domain.delivery.routing import explain, plan_route
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import Channel
from onema.domain.values.phone import Phone
from onema.engine.refusals import Asking
from onema.wiring.synthetic.customers import ABROAD, HOTLINES, NETWORKS, TEXT, VIETNAM, Customer
from onema.wiring.synthetic.day import Day, Story, was_accepted
from onema.wiring.synthetic.signalling import call_trace

T = TypeVar("T")

LEASE_MS = 30_000
RECEIPTS_MS = 172_800_000
CODE_MS = 300_000
LENGTH = 6

SMS_ENDS: tuple[tuple[Ending | OutcomeKind | None, float], ...] = (
    (OutcomeKind.DELIVERED, 91),
    (Ending.SWITCHED_OFF, 3),
    (Ending.NOT_IN_SERVICE, 1.5),
    (Ending.UNREACHABLE, 1),
    (OutcomeKind.PERMANENT, 1.5),
    (None, 2),
)
"""And how often of 100; None: no receipt comes."""
CALL_ENDS = (
    (Ending.ANSWERED, 62),
    (Ending.HUNG_UP, 10),
    (Ending.NO_ANSWER, 12),
    (Ending.BUSY, 6),
    (Ending.DECLINED, 4),
    (Ending.VOICEMAIL, 3),
    (Ending.SWITCHED_OFF, 3),
)
SIP_STATUS = {Ending.NO_ANSWER: 480, Ending.BUSY: 486, Ending.DECLINED: 603, Ending.SWITCHED_OFF: 480}
"""Of calls that nobody took; the others have 200."""


class Told(NamedTuple):
    """One message and who asked for it."""

    customer: Customer
    account: AccountId
    message: MessageId
    phone: Phone
    purpose: str
    code: str


class Messages:
    """Makes the story of each message. Everything is drawn from `random`."""

    def __init__(self, day: Day, random: Random) -> None:
        self._day = day
        self._random = random

    def story(self, customer: Customer, at: int, *, shown: bool) -> Story:
        """`shown`: the handset has it, too."""
        yield at
        is_call = self._random.random() < customer.calls
        abroad = not is_call and self._random.random() < customer.abroad
        phone = self._phone(abroad=abroad)
        purpose = self._random.choice(customer.purposes)
        entropy = self._entropy()
        told = Told(
            customer,
            AccountId(self._day.account(customer.name).id),
            MessageId(self._day.next_id()),
            phone,
            purpose if customer.dialect == "native" else "code",
            draw_code(DIGITS, LENGTH, entropy),
        )
        if is_call:
            yield from self._call(told, entropy, at)
        else:
            yield from self._sms(told, entropy, at, shown=shown)

    def _phone(self, *, abroad: bool) -> Phone:
        if not abroad:
            return Phone(f"{VIETNAM}{self._random.randrange(10**6):06}")
        return Phone(self._random.choice(self._random.choice(list(ABROAD.values()))))

    def _asked(self, told: Told, entropy: bytes, at: int) -> dict[str, object]:
        """What both ways of sending a code have."""
        return {
            "account": told.account,
            "id": told.message,
            "now": at,
            "entropy": entropy,
            "dialect": told.customer.dialect,
            "phone": told.phone,
            "home_country": "VN",
            "client_ip": f"203.0.113.{self._random.randrange(1, 255)}",
            "application": "codes",
            "reference": f"order-{self._random.randrange(10**6):06}",
            "category": told.purpose if told.customer.dialect == "native" else "",
            "code": NewCode(DIGITS, LENGTH, CODE_MS, told.purpose),
        }

    def _asking(self, told: Told) -> Asking:
        account = self._day.account(told.customer.name)
        client = f"198.51.100.{self._random.randrange(1, 255)}"
        return Asking(told.customer.dialect, client, account, "codes", told.phone)

    # SMS.

    def _sms(self, told: Told, entropy: bytes, at: int, *, shown: bool, again: bool = False) -> Story:
        asked = self._asked(told, entropy, at)
        text = TEXT.replace("{P1,30}", told.customer.brandname)
        if self._random.random() < 0.01:
            text = text.replace("is your code", "is the new code")
        command = SendCode(**asked, brandname=told.customer.brandname, text=text)  # type: ignore[arg-type]
        accepted = self._day.do(command, self._asking(told))
        if not again and self._random.random() < 0.03:
            self._press_again(told, at)
        plan = plan_route(self._day.gateway.directory, Channel.SMS, told.phone, told.message)
        carrier = plan.choices[0]
        at += self._random.randrange(4, 30)
        yield at
        if not was_accepted(accepted):
            return
        attempt = 1
        self._start(told, carrier.carrier.name, explain(carrier, 0, "", plan.skipped), at)
        at += self._about(250)
        yield at
        if len(plan.choices) > 1 and self._random.random() < 0.04:
            down = ended(Ending.CARRIER_DOWN, detail="the connection was refused")
            self._outcome(told, attempt, down, at, retry_at=at + 5_000)
            at += 5_000 + self._random.randrange(40)
            yield at
            attempt, before = 2, f"attempt 1 via {carrier.carrier.name} failed ({Ending.CARRIER_DOWN})"
            carrier = plan.choices[1]
            self._start(told, carrier.carrier.name, explain(carrier, 1, before, plan.skipped), at)
            at += self._about(250)
            yield at
        name = carrier.carrier.name
        end = self._drawn(SMS_ENDS)
        if end is OutcomeKind.PERMANENT:
            refused = Outcome(
                kind=end, reason="refused by the carrier", detail="0x0000000B invalid destination"
            )
            yield from self._told(told, self._outcome(told, attempt, refused, at), at)
            return
        reference = f"{self._random.randrange(16**8):08x}"
        submitted = Outcome(kind=OutcomeKind.SUBMITTED, references=(reference,), shown=shown)
        self._outcome(told, attempt, submitted, at, carrier=name)
        if end is None:
            return
        at += self._about(3_500)
        yield at
        operator, network = NETWORKS.get(name, NETWORKS["north"])
        facts = {"operator": operator, "mccmnc": network}
        said = (
            Outcome(kind=end, network=facts)
            if isinstance(end, OutcomeKind)
            else Outcome(kind=OutcomeKind.UNDELIVERED, ending=end, network=facts)
        )
        job = self._day.next_id()
        self._day.do(
            RecordReceipt(
                id=job,
                now=at,
                carrier=name,
                reference=reference,
                named=Named(told.account, told.message, attempt),
                outcome=said,
                forget_at=at + RECEIPTS_MS,
            )
        )
        yield from self._told(told, job, at)
        if end is OutcomeKind.DELIVERED:
            yield from self._typed(told, at)

    def _press_again(self, told: Told, at: int) -> None:
        """Somebody presses the button again and again, until the phone's limit is reached."""
        for _ in range(6):
            at += 8_000 + self._random.randrange(9_000)
            self._day.also(self._again(told, at))

    def _again(self, told: Told, at: int) -> Story:
        yield at
        entropy = self._entropy()
        code = draw_code(DIGITS, LENGTH, entropy)
        later = told._replace(message=MessageId(self._day.next_id()), code=code)
        yield from self._sms(later, entropy, at, shown=False, again=True)

    def _entropy(self) -> bytes:
        return self._random.randbytes(CODE_ENTROPY_BYTES) + self._day.gateway.token(NONCE_BYTES)

    # Calls.

    def _call(self, told: Told, entropy: bytes, at: int) -> Story:
        asked = self._asked(told, entropy, at)
        command = CallWithCode(**asked, voice="vi-north", times=2)  # type: ignore[arg-type]
        accepted = self._day.do(command, self._asking(told))
        plan = plan_route(self._day.gateway.directory, Channel.CALL, told.phone, told.message)
        began = at = at + self._random.randrange(4, 30)
        yield at
        if not was_accepted(accepted):
            return
        caller = self._random.choice(HOTLINES)
        carrier = plan.choices[0]
        self._start(told, carrier.carrier.name, explain(carrier, 0, "", plan.skipped), at, caller)
        end = self._drawn(CALL_ENDS)
        rings = end is not Ending.SWITCHED_OFF
        status = SIP_STATUS.get(end, 200)
        ring_ms = (self._about(6_000) if end is not Ending.NO_ANSWER else 45_000) if rings else 0
        talk_ms = {Ending.ANSWERED: 16_000, Ending.HUNG_UP: 7_000, Ending.VOICEMAIL: 4_000}.get(end, 0)
        talk_ms += self._random.randrange(900) if talk_ms else 0
        at += self._about(700)
        yield at
        if rings:
            self._moves(told, CallState.RINGING, at)
        at += ring_ms
        yield at
        if talk_ms:
            self._moves(told, CallState.ANSWERED, at)
        at += talk_ms
        yield at
        packets = talk_ms // 20
        lost = self._random.randrange(4) if packets else 0
        facts = CallFacts(
            ring_seconds=ring_ms / 1000,
            talk_seconds=talk_ms / 1000,
            status=status,
            codec="PCMA" if packets else "",
            packets_sent=packets,
            packets_received=max(packets - 12, 0),
            packets_lost=lost,
            jitter_ms=self._random.randrange(1, 40) / 10 if packets else 0,
            trace=call_trace(caller, told.phone, began, ring_ms, talk_ms, status),
        )
        outcome = of_a_call(ended(end, call=facts))
        job = self._outcome(told, 1, outcome, at)
        yield from self._told(told, job, at)
        if end is Ending.ANSWERED:
            yield from self._typed(told, at)

    def _moves(self, told: Told, state: CallState, at: int) -> None:
        self._day.do(
            RecordCallState(
                id=self._day.next_id(),
                now=at,
                account=told.account,
                message=told.message,
                attempt=1,
                state=state,
                at=at,
            )
        )

    # Both.

    def _start(self, told: Told, carrier: str, why: str, at: int, caller: str = "") -> None:
        self._day.do(
            StartAttempt(
                job=told.message,
                lease=0,
                now=at,
                lease_until=at + LEASE_MS,
                carrier=carrier,
                caller=caller,
                why=why,
            )
        )

    def _outcome(
        self, told: Told, attempt: int, outcome: Outcome, at: int, *, carrier: str = "", retry_at: int = 0
    ) -> int:
        """The id of the job that tells of it, where it is the end."""
        job = self._day.next_id()
        self._day.do(
            RecordOutcome(
                id=job,
                now=at,
                account=told.account,
                message=told.message,
                attempt=attempt,
                outcome=outcome,
                receipt_until=at + RECEIPTS_MS,
                retry_at=retry_at,
                carrier=carrier,
            )
        )
        return job

    def _told(self, told: Told, job: int, at: int) -> Iterator[int]:
        """The customer's server is told; now and then it is away for a while, and once it never takes it."""
        host = f"{told.customer.name}.example"
        luck = self._random.random()
        tries = 0 if luck > 0.05 else 1 if luck > 0.006 else len(RETRY_AFTER_SECONDS)
        for number in range(tries):
            at += self._about(120)
            yield at
            tried = CallbackTry(host, 503, self._about(90), "HTTP 503", AGAIN)
            at += RETRY_AFTER_SECONDS[number] * 1000
            self._finish(job, tried, retry_at=at)
            yield at
        at += self._about(120)
        yield at
        if tries < len(RETRY_AFTER_SECONDS):
            self._finish(job, CallbackTry(host, 204, self._about(90)))
            return
        tried = CallbackTry(host, 503, self._about(90), "HTTP 503", GIVEN_UP)
        self._day.do(
            EndJob(
                job=job,
                lease=0,
                id=self._day.next_id(),
                now=at,
                account=told.account,
                message=told.message,
                attempt=tries,
                reason="HTTP 503",
                note=tried.noted(),
            )
        )

    def _finish(self, job: int, tried: CallbackTry, retry_at: int = 0) -> None:
        event = self._day.next_id()
        self._day.do(FinishJob(job=job, lease=0, id=event, note=tried.noted(), retry_at=retry_at))

    def _typed(self, told: Told, at: int) -> Iterator[int]:
        """Most type it, some wrong first, a few until nothing is left."""
        luck = self._random.random()
        wrong = 5 if luck < 0.01 else 1 if luck < 0.09 else 0
        if luck > 0.9:
            return
        for number in range(wrong + (wrong < 5)):
            at += self._about(11_000)
            yield at
            right = number == wrong
            code = told.code if right else told.code[1:] + told.code[:1]
            code = code if right or code != told.code else str((int(code) + 1) % 10**6).zfill(6)
            self._day.do(
                CheckCode(
                    account=told.account,
                    id=self._day.next_id(),
                    now=at,
                    phone=told.phone,
                    code=code,
                    purpose=told.purpose,
                    verification=told.message,
                )
            )

    def _about(self, milliseconds: int) -> int:
        """A time of that order: half are shorter, a few much longer."""
        return max(1, round(self._random.lognormvariate(math.log(milliseconds), 0.5)))

    def _drawn(self, ends: Sequence[tuple[T, float]]) -> T:
        (end,) = self._random.choices([end for end, _ in ends], [share for _, share in ends])
        return end
