"""The members of a request, and the bytes of an answer. Names are in snake_case, amounts are decimal strings."""

import hashlib
import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from onema.administration.story import Moment, moments, verification_state
from onema.dialects.native.errors import Invalid
from onema.domain.codes.preview_sms import CODE_LENGTH, LONGEST_CODE, SHORTEST_CODE, SmsPreview
from onema.domain.codes.verification import MAX_LENGTH, MIN_LENGTH, PURPOSE
from onema.domain.ids import LARGEST_ID, MessageId, time_of_id
from onema.domain.records import Message
from onema.domain.state_machines import VerificationState
from onema.domain.values.money import format_amount
from onema.domain.values.phone import Phone
from onema.domain.values.times import show_time
from onema.http.messages import Request, Response
from onema.http.parameters import parse_json_object
from onema.storage.contract import Story

_JSON = b"application/json"
_AT = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_ID = re.compile(r"[0-9]{1,19}")
_LONGEST_NAME = 64
_LONGEST_REQUEST_NAME = 255
T = TypeVar("T")


class PreviewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to` is a phone, or with its "+" the beginning of one."""

    text: str
    to: str = ""
    sender: str = ""
    code_length: Annotated[int, Meta(ge=SHORTEST_CODE, le=LONGEST_CODE)] = CODE_LENGTH


class VerificationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """docs/api.md says what each member means; `ttl` is seconds."""

    to: str
    channel: Literal["sms", "call"] = "sms"
    sender: str = ""
    template: str = ""
    text: str = ""
    application: str = ""
    voice: str = ""
    code_length: Annotated[int, Meta(ge=MIN_LENGTH, le=MAX_LENGTH)] = 6
    alphabet: Literal["digits", "letters_and_digits"] = "digits"
    ttl: Annotated[int, Meta(ge=60, le=600)] = 300
    purpose: Annotated[str, Meta(min_length=1, max_length=_LONGEST_NAME)] = PURPOSE
    reference: Annotated[str, Meta(max_length=_LONGEST_NAME)] = ""
    client_ip: str = ""


class CheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=_LONGEST_NAME)]


class EmptyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation that needs to be told nothing."""


def read(body: bytes, kind: type[T]) -> T:
    """Raises Invalid. A member that nobody knows is refused: it may be a misspelt one that changes the answer."""
    try:
        members = parse_json_object(body)
    except ValueError:
        raise Invalid("", "the body must be a JSON object") from None
    # JSON has one kind of number: 5.0 is the whole number 5 (JSON Schema, 6.1.1).
    members = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in members.items()
    }
    try:
        return msgspec.convert(members, kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


def _invalid(words: str) -> Invalid:
    """What msgspec says, at the member that it means: it repeats names, never a value."""
    if found := _UNKNOWN.fullmatch(words):
        return Invalid(f"/{_escaped(found[1])}", "it is unknown")
    if found := _MISSING.fullmatch(words):
        return Invalid(f"/{found[1]}", "it is missing")
    found = _AT.fullmatch(words)
    if found is None:
        return Invalid("", "it does not fit")
    what = found[1].removeprefix("Invalid enum value ").replace("`", "")
    return Invalid(f"/{found[2].replace('.', '/')}", f"it does not fit: {what[:1].lower()}{what[1:]}")


def _escaped(name: str) -> str:
    """RFC 6901 section 3; the name is the client's, so not all of it is repeated."""
    return name[:64].replace("~", "~0").replace("/", "~1")


def previewed(found: SmsPreview) -> Response:
    return Response(200, msgspec.json.encode(found), _JSON)


def message_of(text: str) -> MessageId | None:
    """Ids are the messages' own numbers, which need no dialect."""
    return None


def verification_of(text: str) -> MessageId | None:
    """None for what is no id of a verification."""
    return MessageId(int(text)) if _ID.fullmatch(text) and 0 < int(text) <= LARGEST_ID else None


_STATUS = {
    VerificationState.PENDING: "pending",
    VerificationState.VERIFIED: "verified",
    VerificationState.USED_UP: "exhausted",
    VerificationState.SUPERSEDED: "superseded",
    VerificationState.EXPIRED: "expired",
    VerificationState.CANCELLED: "cancelled",
}


def request_name(request: Request) -> str:
    """The client's name for the request, "" for none: a string of RFC 9651, as the draft has it, or what stands there,
    as most clients write it. Raises Invalid.
    """
    value = request.header(b"idempotency-key")
    if value is None:
        return ""
    name = value.decode("latin-1").strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    if not 0 < len(name) <= _LONGEST_REQUEST_NAME or not name.isascii() or not name.isprintable():
        raise Invalid(
            "", f"Idempotency-Key must have 1 to {_LONGEST_REQUEST_NAME} printable ASCII characters"
        )
    return name


def request_digest(request: Request) -> str:
    """Of what the request asks."""
    return hashlib.sha256(request.path.encode() + b"\0" + request.body).hexdigest()


def created(message: MessageId, phone: Phone, expires_at: int, asked: VerificationRequest) -> Response:
    """The verification as it begins."""
    told = {
        "id": str(message),
        "status": "pending",
        "channel": asked.channel,
        "to": phone,
        "purpose": asked.purpose,
        "reference": asked.reference,
        "created_at": show_time(time_of_id(message)),
        "expires_at": show_time(expires_at),
    }
    location = f"/v1/verifications/{message}".encode()
    return Response(201, msgspec.json.encode(told), _JSON, ((b"location", location),))


def checked(message: MessageId, state: VerificationState | None, outcome: str = "ok") -> Response:
    """`outcome` is a label alone: a wrong code is no error."""
    status = _STATUS[state] if state is not None else ""
    told = {
        "id": str(message),
        "valid": state is VerificationState.VERIFIED and outcome == "ok",
        "status": status,
    }
    return Response(200, msgspec.json.encode(told), _JSON, outcome=outcome)


def verification(story: Story, now: int, currency: str) -> dict[str, Any]:
    """A verification as it is told, without its timeline."""
    message = story.message
    state = verification_state(story, now)
    return {
        "id": str(message.id),
        "status": _STATUS[state] if state is not None else "",
        "channel": message.channel,
        "to": message.phone,
        "purpose": purpose_of(message),
        "reference": message.reference,
        "created_at": show_time(time_of_id(message.id)),
        "expires_at": show_time(message.code_expires_at),
        "delivery": {"status": message.state, "reason": message.reason, "ending": message.ending},
        "cost": {
            "currency": currency,
            "held": format_amount(message.held),
            "charged": format_amount(message.charged),
        },
    }


def purpose_of(message: Message) -> str:
    """What its code is checked for."""
    return message.category if message.dialect == "native" and message.category else PURPOSE


def timeline(story: Story) -> list[dict[str, str]]:
    return [_line(moment) for moment in moments(story)]


def _line(moment: Moment) -> dict[str, str]:
    return {"at": show_time(moment.at), "event": moment.what, "detail": moment.detail}


def told(members: dict[str, Any]) -> Response:
    return Response(200, msgspec.json.encode(members), _JSON)
