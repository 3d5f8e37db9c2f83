"""A code is either made here, and can be checked here, or given by whoever asks for it to be delivered."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.accept_message import Send
from onema.domain.codes.verification import (
    ATTEMPTS,
    CODE_ENTROPY_BYTES,
    PURPOSE,
    draw_code,
    verification_state,
)
from onema.domain.decision import Context, World
from onema.domain.delivery.routing import plan_route
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import Channel, Event, Key, LiveVerification, Row
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import VERIFICATION, VerificationState

ENTROPY_BYTES = CODE_ENTROPY_BYTES + NONCE_BYTES
"""What a command needs that may make a code."""

VALID_MS = 300_000
"""How long a given code is worth delivering, and any code to be called with: nobody waits longer for the phone to
ring.
"""


class NewCode(msgspec.Struct, frozen=True, gc=False):
    """A code to be made: `length` characters of `alphabet`, to be checked within `time_alive` milliseconds. It replaces
    the phone's current code of the same `purpose`.
    """

    alphabet: str
    length: int
    time_alive: int
    purpose: str = PURPOSE


class GivenCode(msgspec.Struct, frozen=True, gc=False):
    """The integrator's own code, which it checks itself."""

    code: str

    @property
    def length(self) -> int:
        return len(self.code)


class Verification(msgspec.Struct, frozen=True, gc=False):
    """What is delivered, until when that is of use (Unix ms), and the rows that let it be checked: none, `id` and
    `expires_at` 0 and `purpose` empty, for a given code.
    """

    code: str
    valid_until: int
    purpose: str = ""
    id: int = 0
    expires_at: int = 0
    puts: tuple[Row, ...] = ()
    inserts: tuple[Row, ...] = ()


def keys_to_verify(send: Send, asked: NewCode | GivenCode) -> Iterable[Key]:
    if isinstance(asked, GivenCode):
        return ()
    return ((LiveVerification, send.account, send.phone, asked.purpose),)


def require_taker(send: Send, context: Context, channel: Channel) -> None:
    """Raises Refused(FEATURE_OFF) where only carriers could take what was given which make codes of their own."""
    directory = context.directory
    # Most installations have no such carrier, and need no plan yet.
    some = any(carrier.own_codes for carrier in directory.carriers.values())
    takers = plan_route(directory, channel, send.phone, send.id).choices if some else ()
    if takers and all(one.carrier.own_codes for one in takers):
        raise Refused(Refusal.FEATURE_OFF, "the carriers for this number send codes of their own only")


def start_verification(
    send: Send, world: World, context: Context, channel: Channel, asked: NewCode | GivenCode
) -> Verification:
    """Make the code, and supersede the current one; a given code is taken as it is.

    Raises Refused(FEATURE_OFF) for a given code that only carriers could take which make codes of their own.
    """
    if isinstance(asked, GivenCode):
        require_taker(send, context, channel)
        return Verification(asked.code, send.now + VALID_MS)
    previous = world.get(LiveVerification, send.account, send.phone, asked.purpose)
    code = draw_code(asked.alphabet, asked.length, send.entropy)
    expires_at = send.now + asked.time_alive
    live = LiveVerification(
        account=send.account,
        phone=send.phone,
        purpose=asked.purpose,
        verification=send.id,
        code_hash=context.keyring.code_hash(send.id, code),
        attempts_left=ATTEMPTS,
        expires_at=expires_at,
        wrong_checks=previous.wrong_checks if previous else "",
        kept_until=previous.kept_until if previous else 0,
    )
    superseded = tuple[Event, ...]()
    if previous and VERIFICATION.may(
        verification_state(previous, send.now), VerificationState.SUPERSEDED, send
    ):
        superseded = (Event(send.account, previous.verification, send.id, "superseded", ""),)
    return Verification(code, expires_at, asked.purpose, send.id, expires_at, (live,), superseded)
