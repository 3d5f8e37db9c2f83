"""The members of a request, and the bytes of an answer. Names are in snake_case, amounts are decimal strings."""

import contextlib
import hashlib
import re
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta

from onema.dialects.native.errors import Invalid
from onema.domain.codes.channel_plan import MOST_STEPS
from onema.domain.codes.preview_sms import CODE_LENGTH, LONGEST_CODE, SHORTEST_CODE, SmsPreview
from onema.domain.codes.verification import LONGEST_LIFE_MINUTES, MAX_LENGTH, MIN_LENGTH, PURPOSE
from onema.domain.configuration.message_template import LONGEST_AMOUNT, LONGEST_PAYEE
from onema.domain.guard.proof_of_work import LONGEST_SOLUTION
from onema.domain.ids import LARGEST_ID, MessageId
from onema.domain.records import Message
from onema.domain.values.last_line import last_line_of
from onema.domain.values.phone import Phone, parse_phone
from onema.domain.values.written_form import number_form
from onema.http.messages import Request, Response
from onema.http.parameters import parse_json_object

JSON = b"application/json"
_AT = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_ID = re.compile(r"[0-9]{1,19}")
_LONGEST_NAME = 64
_LONGEST_REQUEST_NAME = 255
LONGEST_TTL = LONGEST_LIFE_MINUTES * 60
"""Seconds for which a code can be checked at most, where `native.longest_ttl_minutes` allows it."""
LONGEST_WAIT = 600
"""Seconds after which a plan's next channel follows at most."""
T = TypeVar("T")


class PreviewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to` is a phone, or with its "+" the beginning of one."""

    text: str
    to: str = ""
    sender: str = ""
    code_length: Annotated[int, Meta(ge=SHORTEST_CODE, le=LONGEST_CODE)] = CODE_LENGTH
    origin: str = ""
    app_hash: str = ""


class PlannedChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`after` is seconds without a receipt, or without a right check."""

    channel: Literal["sms", "call"]
    after: Annotated[int, Meta(ge=0, le=LONGEST_WAIT)] = 0
    without: Literal["receipt", "check"] = "receipt"


class VerificationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """docs/api.md says what each member means; `ttl` is seconds."""

    to: str
    channel: Literal["sms", "call"] | None = None
    channels: Annotated[tuple[PlannedChannel, ...], Meta(max_length=MOST_STEPS)] = ()
    sender: str = ""
    template: str = ""
    text: str = ""
    application: str = ""
    voice: str = ""
    locale: str = ""
    code: str = ""
    code_length: Annotated[int, Meta(ge=MIN_LENGTH, le=MAX_LENGTH)] | None = None
    alphabet: Literal["digits", "letters_and_digits"] = "digits"
    ttl: Annotated[int, Meta(ge=60, le=LONGEST_TTL)] = 300
    purpose: Annotated[str, Meta(min_length=1, max_length=_LONGEST_NAME)] = PURPOSE
    reference: Annotated[str, Meta(max_length=_LONGEST_NAME)] = ""
    amount: Annotated[str, Meta(max_length=LONGEST_AMOUNT)] = ""
    payee: Annotated[str, Meta(max_length=LONGEST_PAYEE)] = ""
    origin: str = ""
    app_hash: str = ""
    client_ip: str = ""
    challenge_response: Annotated[str, Meta(max_length=LONGEST_SOLUTION)] = ""
    device_id: Annotated[str, Meta(max_length=_LONGEST_NAME)] = ""

    def __repr__(self) -> str:
        """Without the code: it must not get into a log by way of a fault."""
        return "VerificationRequest(...)"


class CheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=_LONGEST_NAME)]
    amount: Annotated[str, Meta(max_length=LONGEST_AMOUNT)] = ""
    payee: Annotated[str, Meta(max_length=LONGEST_PAYEE)] = ""
    token: bool = False

    def __repr__(self) -> str:
        return "CheckRequest(...)"


class MoreRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code once more."""

    challenge_response: Annotated[str, Meta(max_length=LONGEST_SOLUTION)] = ""


class EmptyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation that needs to be told nothing."""


def members_of(body: bytes) -> dict[str, Any]:
    """Raises Invalid."""
    try:
        members: dict[str, Any] = _whole(parse_json_object(body))
    except ValueError:
        raise Invalid("", "the body must be a JSON object") from None
    return members


def read(body: bytes, kind: type[T]) -> T:
    """Raises Invalid. A member that nobody knows is refused: it may be a misspelt one that changes the answer."""
    if rb"\u" not in body:
        # Most bodies fit at once. What does not is looked at for what is wrong with it, or odd.
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return cast(T, _decoder_of(kind).decode(body))
    try:
        return msgspec.convert(members_of(body), kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def _decoder_of(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    return decoder


def _whole(value: Any) -> Any:
    """With 5.0 as the whole number 5, wherever it stands: JSON has one kind of number (JSON Schema, 6.1.1)."""
    match value:
        case float():
            return int(value) if value.is_integer() else value
        case dict():
            return {name: _whole(inner) for name, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
    return value


def _invalid(words: str) -> Invalid:
    """What msgspec says, at the member that it means: it repeats names, never a value."""
    found = _AT.fullmatch(words)
    what, at = (found[1], found[2]) if found else (words, "")
    inside = "".join(f"/{one}" for one in re.split(r"[.\[\]]+", at) if one)
    if found := _UNKNOWN.fullmatch(what):
        return Invalid(f"{inside}/{_escaped(found[1])}", "it is unknown")
    if found := _MISSING.fullmatch(what):
        return Invalid(f"{inside}/{found[1]}", "it is missing")
    if not inside:
        return Invalid("", "it does not fit")
    what = what.removeprefix("Invalid enum value ").replace("`", "")
    return Invalid(inside, f"it does not fit: {what[:1].lower()}{what[1:]}")


def _escaped(name: str) -> str:
    """RFC 6901 section 3; the name is the client's, so not all of it is repeated."""
    return name[:64].replace("~", "~0").replace("/", "~1")


def last_line(asked: VerificationRequest | PreviewRequest) -> str:
    """The line by which a phone fills the code in, "" for none. Raises Invalid."""
    try:
        return last_line_of(asked.origin, asked.app_hash)
    except ValueError as error:
        raise Invalid("/app_hash" if asked.app_hash else "/origin", str(error)) from None


def previewed(found: SmsPreview) -> Response:
    return Response(200, msgspec.json.encode(found), JSON)


def message_of(text: str) -> MessageId | None:
    """Ids are the messages' own numbers, which need no dialect."""
    return None


def verification_of(text: str) -> MessageId | None:
    """None for what is no id of a verification."""
    return MessageId(int(text)) if _ID.fullmatch(text) and 0 < int(text) <= LARGEST_ID else None


def phone_of(written: str, country: str) -> Phone:
    """The number of a request, where national ones belong to `country`. Without one it must have its country's code:
    with its plus, or as 84901888484. Raises Refused, and Invalid.
    """
    if country:
        return parse_phone(written, country)
    spelled = number_form(written).lstrip(" ")
    if spelled.startswith("0"):
        raise Invalid("/to", "it has no country's code, as in +84901888484, and the account has no country")
    return parse_phone(spelled if spelled.startswith("+") else f"+{spelled}", "")


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


def purpose_of(message: Message) -> str:
    """What its code is checked for."""
    return message.category or PURPOSE


def told(members: dict[str, Any]) -> Response:
    return Response(200, msgspec.json.encode(members), JSON)
