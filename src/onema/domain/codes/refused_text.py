"""What is kept of a text that fitted no template: sealed, in an event of the refused message.

A text without the marker {OTP} may hold a code of the integrator's own, so of such a text nothing is kept, nor of one
that was to be sent as it is.
"""

import msgspec

from onema.domain.configuration.message_template import CODE_MARKER
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring, Unsealable
from onema.domain.records import Event
from onema.domain.values.written_form import text_form

KEPT = "refused text"
WITHOUT_MARKER = "text without {OTP}"

KEPT_CHARACTERS = 1_000
"""As many as a template may have."""


class RefusedText(msgspec.Struct, frozen=True, array_like=True):
    """`text` in its one form, cut to KEPT_CHARACTERS; `code_length` is how long its code would have been: not 0."""

    text: str
    code_length: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RefusedText)


def note(
    account: AccountId, message: MessageId, text: str, code_length: int, keyring: Keyring, nonce: bytes
) -> Event:
    text = text_form(text)
    if not code_length or CODE_MARKER not in text:
        return Event(account, message, message, WITHOUT_MARKER, "")
    kept = _encoder.encode(RefusedText(text[:KEPT_CHARACTERS], code_length))
    sealed = keyring.seal(kept, nonce=nonce, bound_to=f"refused text:{message}")
    return Event(account, message, message, KEPT, sealed.hex())


def kept_text(event: Event, keyring: Keyring) -> RefusedText | None:
    """None for another event, and for what another server key sealed."""
    if event.kind != KEPT:
        return None
    try:
        return _decoder.decode(
            keyring.open(bytes.fromhex(event.data), bound_to=f"refused text:{event.subject}")
        )
    except Unsealable:
        return None
