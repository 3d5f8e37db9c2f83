"""The fields of a request, and the bytes of every answer.

The vendor's middlewares turn the names of a request into camelCase, and those of an answer into snake_case in
alphabetical order, errors excepted: github.com/levietcuong2602/vbee-sachnoi-backend,
middlewares/camelCaseRequest.js and snakeCaseResponse.js. That is another product of the house, but all
documented answers bear the marks.
"""

import re
import uuid

import msgspec

from onema.domain.refusals import Refusal, Refused
from onema.http.parameters import parse_json_object

VOICES = {
    "hn_female_ngochuyen_full_48k-fhg": "vi-north",
    "hue_female_huonggiang_full_48k-fhg": "vi-central",
    "sg_female_thaotrinh_full_48k-fhg": "vi-south",
}
# The vendor documents the default alone. Slower or faster than this, a voice is hard to follow.
SLOWEST, DEFAULT_RATE, FASTEST = 0.5, 1.0, 2.0

# camelcase-keys folds all of these to phoneNumber; the document's Java sample sends the second.
_SPELLINGS = {
    "phone_number": "phone_number",
    "phoneNumber": "phone_number",
    "phone-number": "phone_number",
    "voice": "voice",
    "rate": "rate",
}
_DECIMAL = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,8})?", re.ASCII)
_CODE = re.compile(r"[0-9A-Za-z]{1,20}", re.ASCII)
_LONGEST_NUMBER = 10**20


class InvalidBody(Exception):
    """A request that is none; its text may be shown, for it names the field and never its value."""


class CallRequest(msgspec.Struct, frozen=True, gc=False):
    """The body, checked but for the number's validity. `voice` is ours."""

    phone_number: str
    voice: str
    rate: float


def read_body(body: bytes) -> CallRequest:
    """Raises InvalidBody, and Refused(VOICE_UNKNOWN)."""
    try:
        members = parse_json_object(body)
    except ValueError:
        raise InvalidBody("body must be a JSON object") from None
    fields = {_SPELLINGS[name]: value for name, value in members.items() if name in _SPELLINGS}
    phone_number = _required_text("phone_number", fields.get("phone_number"))
    voice = VOICES.get(_required_text("voice", fields.get("voice")))
    if voice is None:
        raise Refused(Refusal.VOICE_UNKNOWN)
    return CallRequest(phone_number, voice, _rate(fields.get("rate")))


def code_to_speak(claim: object) -> str:
    """The code as it is read out; a number's digits. Raises Refused(CODE_INVALID).

    The document names no type and no length.
    """
    if isinstance(claim, float) and claim.is_integer():
        claim = int(claim)
    if isinstance(claim, int) and not isinstance(claim, bool) and 0 <= claim < _LONGEST_NUMBER:
        return str(claim)
    if isinstance(claim, str) and _CODE.fullmatch(claim):
        return claim
    raise Refused(Refusal.CODE_INVALID)


def contact_id(entropy: bytes) -> str:
    """A UUID v4 (RFC 9562) of 16 random bytes."""
    return str(uuid.UUID(bytes=entropy, version=4))


def message_of(text: str) -> None:
    """A contact_id is random: who has one looks for the message that keeps it."""
    return


def accepted(contact: str) -> bytes:
    return b'{"message":"success","result":{"contact_id":"%b"},"status":1}' % contact.encode()


def refused(status: int, code: int, message: str) -> bytes:
    """The vendor sorts members in express-mung, which leaves alone what has HTTP status 400 and above."""
    text = msgspec.json.encode(message)
    if status >= 400:
        return b'{"status":0,"code":%d,"message":%b}' % (code, text)
    return b'{"code":%d,"message":%b,"status":0}' % (code, text)


def _required_text(name: str, value: object) -> str:
    if value is None or value == "":
        raise InvalidBody(f"{name} is required")
    if not isinstance(value, str):
        raise InvalidBody(f"{name} must be a string")
    return value


def _rate(value: object) -> float:
    if value is None:
        return DEFAULT_RATE
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not SLOWEST <= value <= FASTEST:
        raise InvalidBody(f"rate must be a number from {SLOWEST} to {FASTEST}")
    return float(value)
