"""The members of a request, and the bytes of an answer. Names are in snake_case, amounts are decimal strings."""

from typing import TypeVar

import msgspec

from onema.dialects.native.errors import Invalid
from onema.domain.codes.preview_sms import CODE_LENGTH, LONGEST_CODE, SHORTEST_CODE, SmsPreview
from onema.domain.ids import MessageId
from onema.http.messages import Response
from onema.http.parameters import parse_json_object

_JSON = b"application/json"
_MEMBERS = frozenset(("text", "to", "sender", "code_length"))
T = TypeVar("T")


class PreviewRequest(msgspec.Struct, frozen=True):
    """`to` is a phone, or with its "+" the beginning of one."""

    text: str
    to: str = ""
    sender: str = ""
    code_length: int = CODE_LENGTH


def read_preview(body: bytes) -> PreviewRequest:
    """Raises Invalid. A member that nobody knows is refused: it may be a misspelt one that changes the answer."""
    try:
        members = parse_json_object(body)
    except ValueError:
        raise Invalid("", "the body must be a JSON object") from None
    for name in members:
        if name not in _MEMBERS:
            raise Invalid(f"/{_escaped(name)}", "it is unknown")
    length = _member(members, "code_length", int, CODE_LENGTH)
    if isinstance(length, bool) or not SHORTEST_CODE <= length <= LONGEST_CODE:
        raise Invalid("/code_length", f"it must be a whole number from {SHORTEST_CODE} to {LONGEST_CODE}")
    if "text" not in members:
        raise Invalid("/text", "it is missing")
    return PreviewRequest(
        _member(members, "text", str, ""),
        _member(members, "to", str, ""),
        _member(members, "sender", str, ""),
        length,
    )


def _member(members: dict[str, object], name: str, kind: type[T], default: T) -> T:
    value = members.get(name, default)
    if not isinstance(value, kind):
        raise Invalid(f"/{name}", f"it must be a {'text' if kind is str else 'whole number'}")
    return value


def _escaped(name: str) -> str:
    """RFC 6901 section 3; the name is the client's, so not all of it is repeated."""
    return name[:64].replace("~", "~0").replace("/", "~1")


def previewed(found: SmsPreview) -> Response:
    return Response(200, msgspec.json.encode(found), _JSON)


def message_of(text: str) -> MessageId | None:
    """No operation names a message yet."""
    return None
