"""A code is either made here, and can be checked here, or given by whoever asks for it to be delivered."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.accept_message import Accepted, Send
from onema.domain.codes.channel_plan import (
    SENT_AGAIN,
    HowToSend,
    begun,
    opened,
    plan_job,
    progress_of,
    seal,
    written,
)
from onema.domain.codes.verification import (
    ATTEMPTS,
    CODE_ENTROPY_BYTES,
    PURPOSE,
    draw_code,
    forwarded,
    typed_code,
    verification_state,
)
from onema.domain.decision import Context, World
from onema.domain.delivery.routing import plan_route
from onema.domain.guard.note_verified import origin_of
from onema.domain.ids import MessageId, time_of_id
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import Channel, Event, Job, Key, LiveVerification, Row
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import VERIFICATION, VerificationState

ENTROPY_BYTES = CODE_ENTROPY_BYTES + NONCE_BYTES
"""What a command needs that may make a code."""

PLAN_ENTROPY_BYTES = ENTROPY_BYTES + NONCE_BYTES
"""What one needs that makes a code which may be sent again."""

VALID_MS = 300_000
"""How long a given code is worth delivering, and any code to be called with: nobody waits longer for the phone to
ring.
"""


class NewCode(msgspec.Struct, frozen=True, gc=False):
    """A code to be made: `length` characters of `alphabet`, to be checked within `time_alive` milliseconds. It replaces
    the phone's current code of the same `purpose`. With `how` it may be sent again, and the same request that comes
    again within REPEAT_MS makes no second one.

    One that `continues` replaces none that can still be checked and sent again: that one is sent once more, as long as
    it has fewer messages than this. `own` is the sender's own code, which is checked here all the same. One that is
    `bound` is right only for whoever names the same.
    """

    alphabet: str
    length: int
    time_alive: int
    purpose: str = PURPOSE
    how: HowToSend | None = None
    continues: int = 0
    own: str = ""
    bound: str = ""

    def __repr__(self) -> str:
        return "NewCode(...)"

    @property
    def is_fixed(self) -> bool:
        """Whether no carrier may make another in its place."""
        return bool(self.own or self.bound or (self.how is not None and self.how.job))


REPEAT_MS = 10_000
"""So long the same request for a code of the same phone and purpose means the one that was sent: clients ask again by
themselves when an answer does not come.
"""


class GivenCode(msgspec.Struct, frozen=True, gc=False):
    """The integrator's own code, which it checks itself."""

    code: str

    @property
    def length(self) -> int:
        return len(self.code)


class SameCode(msgspec.Struct, frozen=True, gc=False):
    """The code of a verification that goes on, once more. Whoever sends it asks first whether it does."""

    code: str
    verification: int
    purpose: str
    expires_at: int

    @property
    def length(self) -> int:
        return len(self.code)

    def __repr__(self) -> str:
        return "SameCode(...)"


class Verification(msgspec.Struct, frozen=True, gc=False):
    """What is delivered, until when that is of use (Unix ms), and the rows that let it be checked: none, `id` and
    `expires_at` 0 and `purpose` empty, for a given code. `fixed`: it is checked here, and no carrier may send another.
    """

    code: str
    valid_until: int
    purpose: str = ""
    id: int = 0
    expires_at: int = 0
    puts: tuple[Row, ...] = ()
    inserts: tuple[Row, ...] = ()
    fixed: bool = False


Code = NewCode | GivenCode | SameCode


def keys_to_verify(send: Send, asked: Code) -> Iterable[Key]:
    if isinstance(asked, GivenCode):
        return ()
    return ((LiveVerification, send.account, send.phone, asked.purpose),)


def begun_just_now(send: Send, asked: Code, world: World, context: Context) -> Accepted | None:
    """The verification that the same request began a moment ago, under no name either; None where there is none."""
    if not isinstance(asked, NewCode) or asked.how is None or send.request or not send.request_digest:
        return None
    live = world.get(LiveVerification, send.account, send.phone, asked.purpose)
    progress = progress_of(live)
    if live is None or progress is None or send.now - time_of_id(live.verification) >= REPEAT_MS:
        return None
    is_waited_for = verification_state(live, send.now) is VerificationState.PENDING
    if not is_waited_for or not context.keyring.is_request_mac(send.request_digest, progress.asked):
        return None
    first = MessageId(live.verification)
    return Accepted(first, asked=send.request_digest, verification=first)


def require_taker(send: Send, context: Context, channel: Channel) -> None:
    """Raises Refused(FEATURE_OFF) where only carriers could take what was given which make codes of their own."""
    if not _has_taker(send, context, channel):
        raise Refused(Refusal.FEATURE_OFF, "the carriers for this number send codes of their own only")


def _has_taker(send: Send, context: Context, channel: Channel) -> bool:
    directory = context.directory
    # Most installations have no such carrier, and need no plan yet.
    some = any(carrier.own_codes for carrier in directory.carriers.values())
    takers = plan_route(directory, channel, send.phone, send.id).choices if some else ()
    return not takers or not all(one.carrier.own_codes for one in takers)


def start_verification(
    send: Send, world: World, context: Context, channel: Channel, asked: Code
) -> Verification:
    """Make the code, and supersede the current one or send that again; a given code, and one that is sent again, is
    taken as it is.

    Raises Refused(RATE_LIMITED) when it was sent too often, and Refused(FEATURE_OFF) for a code that must be this one
    and that only carriers could take which make codes of their own.
    """
    if isinstance(asked, GivenCode):
        require_taker(send, context, channel)
        return Verification(asked.code, send.now + VALID_MS)
    if isinstance(asked, SameCode):
        require_taker(send, context, channel)
        until = asked.expires_at
        return Verification(asked.code, until, asked.purpose, asked.verification, until, fixed=True)
    previous = world.get(LiveVerification, send.account, send.phone, asked.purpose)
    if previous and asked.continues and (once_more := _once_more(send, context, channel, asked, previous)):
        return once_more
    if asked.is_fixed:
        require_taker(send, context, channel)
    code = asked.own or draw_code(asked.alphabet, asked.length, send.entropy)
    expires_at = send.now + asked.time_alive
    live = LiveVerification(
        account=send.account,
        phone=send.phone,
        purpose=asked.purpose,
        verification=send.id,
        code_hash=context.keyring.code_hash(send.id, typed_code(code), asked.bound),
        attempts_left=ATTEMPTS,
        expires_at=expires_at,
        wrong_checks=previous.wrong_checks if previous else "",
        kept_until=previous.kept_until if previous else 0,
        origin=origin_of(send),
    )
    jobs = tuple[Job, ...]()
    if asked.how is not None:
        live, jobs = _with_plan(send, context, asked, asked.how, live, code)
    superseded = tuple[Event, ...]()
    if previous and VERIFICATION.may(
        verification_state(previous, send.now), VerificationState.SUPERSEDED, send
    ):
        superseded = (Event(send.account, previous.verification, send.id, "superseded", ""),)
    return Verification(
        code, expires_at, asked.purpose, send.id, expires_at, (live,), (*superseded, *jobs), asked.is_fixed
    )


def _once_more(
    send: Send, context: Context, channel: Channel, asked: NewCode, live: LiveVerification
) -> Verification | None:
    """The current code again, with the checks and the time that it has left; None where another must begin."""
    state, progress = verification_state(live, send.now), progress_of(live)
    # A carrier's own code is not known here.
    if state is not VerificationState.PENDING or progress is None or forwarded(live):
        return None
    how = opened(live.plan, live.verification, context.keyring)
    code = how.code
    if how.is_bound or asked.bound:
        # Its text says what it confirms, and this one may say something else.
        return None
    if asked.own not in ("", code) or len(code) != asked.length or not _has_taker(send, context, channel):
        return None
    VERIFICATION.move(state, VerificationState.PENDING, send)
    if progress.messages >= asked.continues:
        detail = f"{asked.continues} messages of a verification"
        raise Refused(Refusal.RATE_LIMITED, detail, wait_ms=live.expires_at - send.now)
    after = msgspec.structs.replace(
        progress, message=send.id, messages=progress.messages + 1, sent_at=send.now
    )
    row = msgspec.structs.replace(live, progress=written(after))
    event = Event(send.account, live.verification, send.id, SENT_AGAIN, f"{channel} {send.id} (asked for)")
    until = live.expires_at
    return Verification(code, until, asked.purpose, live.verification, until, (row,), (event,), fixed=True)


def _with_plan(
    send: Send, context: Context, asked: NewCode, how: HowToSend, live: LiveVerification, code: str
) -> tuple[LiveVerification, tuple[Job, ...]]:
    """The row of a code that may be sent again, and the job that does so by itself."""
    # The message has the nonce at the end of the entropy. One that stood twice would give both texts away.
    nonce = send.entropy[CODE_ENTROPY_BYTES : CODE_ENTROPY_BYTES + NONCE_BYTES]
    if len(send.entropy) < PLAN_ENTROPY_BYTES:
        raise ValueError("a code with a plan needs a nonce of its own")
    told = context.keyring.request_mac(send.request_digest) if send.request_digest else ""
    progress = begun(how, send.id, send.now, told)
    whole = msgspec.structs.replace(how, code=code, is_bound=bool(asked.bound))
    sealed = seal(whole, send.id, context.keyring, nonce)
    live = msgspec.structs.replace(live, plan=sealed, progress=written(progress))
    return live, plan_job(how, send.account, progress, send.phone, asked.purpose)
