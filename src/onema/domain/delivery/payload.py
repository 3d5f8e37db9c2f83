"""What a delivery job must hand to a channel. It holds the code, so it rests sealed and is erased in the end."""

from typing import Any

import msgspec

from onema.domain.ids import MessageId
from onema.domain.keyring import Keyring
from onema.domain.values.phone import Phone


class _Payload(msgspec.Struct, frozen=True, array_like=True):
    def __repr__(self) -> str:
        """Without what it holds: a code must not get into a log by way of a fault."""
        return f"{type(self).__name__}(...)"


class SmsPayload(_Payload, frozen=True, tag="sms", array_like=True):
    """One SMS: `text` is what the phone shows, code and all. After `valid_until` (Unix ms) it is pointless.

    `purpose` is what the code is checked for here; empty where its sender checks it. `facts` are what was registered
    about it when it was accepted (configuration/registered.py); the carrier's own are not among them.
    """

    phone: Phone
    sender: str
    text: str
    valid_until: int
    purpose: str = ""
    facts: dict[str, str] = {}
    via: str = ""
    """The only carrier that it may take; empty: as the routes say."""
    given: bool = False
    """Whether it must be this code, which is checked here all the same: a carrier that makes its own sends another."""


class CallPayload(_Payload, frozen=True, tag="call", array_like=True):
    """One call: the caller number, then a sentence and the code, `times` times, at `rate`.

    `sentence` None is the voice's own; otherwise a text that was rendered when it was configured. After
    `valid_until` (Unix ms) the call is pointless. `purpose` is an SMS's. A `spoken_text` is read out in their
    place; it must be made into sound before the call is placed.
    """

    phone: Phone
    caller: str
    voice: str
    code: str
    sentence: str | None
    times: int
    rate: float
    max_seconds: int
    valid_until: int
    purpose: str = ""
    spoken_text: str = ""
    via: str = ""
    """The only carrier that it may take; empty: as the routes say."""
    given: bool = False
    """Whether it must be this code, which is checked here all the same: a carrier that makes its own sends another."""


Payload = SmsPayload | CallPayload

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(SmsPayload | CallPayload)


def seal_payload(payload: Payload, message: MessageId, keyring: Keyring, nonce: bytes) -> bytes:
    return keyring.seal(_encoder.encode(payload), nonce=nonce, bound_to=f"job:{message}")


def open_payload(sealed: bytes, message: MessageId, keyring: Keyring) -> Payload:
    """Raises Unsealable."""
    payload: Payload = _decoder.decode(keyring.open(sealed, bound_to=f"job:{message}"))
    return payload
