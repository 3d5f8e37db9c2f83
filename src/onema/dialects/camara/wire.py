"""Bodies in JSON, ids as UUIDs, and the correlator that every answer repeats."""

import re
import uuid
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from onema.dialects.camara.errors import INVALID_ARGUMENT, JSON, Failed
from onema.domain.ids import LARGEST_ID, MessageId
from onema.http.messages import Request, Response
from onema.http.parameters import parse_json_object

CODE_PLACE = "{{code}}"
_CORRELATOR = re.compile(rb"[a-zA-Z0-9\-_:;./<>{}]{0,256}")
_PLACE = re.compile(r".* - at `\$\.(\w+)`", re.DOTALL)
_NAMED = re.compile(r"Object (contains unknown|missing required) field `(\w{1,40})`")
T = TypeVar("T")


class SendRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    phone: Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{4,14}\Z")] = msgspec.field(name="phoneNumber")
    message: Annotated[str, Meta(max_length=160, pattern=r"\{\{code\}\}")]


class ValidateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    authentication: Annotated[str, Meta(max_length=36)] = msgspec.field(name="authenticationId")
    code: Annotated[str, Meta(max_length=10)]


def read(body: bytes, kind: type[T]) -> T:
    """Raises Failed(INVALID_ARGUMENT), which names the member and never its value."""
    try:
        return msgspec.convert(parse_json_object(body), kind)
    except msgspec.ValidationError as error:
        found = _PLACE.fullmatch(str(error)) or _NAMED.match(str(error))
        named = found[found.lastindex or 0] if found else "the body"
        raise Failed(INVALID_ARGUMENT, named) from None
    except ValueError:
        raise Failed(INVALID_ARGUMENT, "the body must be a JSON object") from None


def correlated(request: Request, response: Response) -> Response:
    """With the request's correlator, where that has the form."""
    value = correlator(request)
    if not value:
        return response
    return msgspec.structs.replace(response, headers=(*response.headers, (b"x-correlator", value)))


def correlator(request: Request) -> bytes | None:
    """b"" for none; None for one without the form."""
    value = request.header(b"x-correlator") or b""
    return value if _CORRELATOR.fullmatch(value) else None


def sent(message: MessageId) -> Response:
    return Response(200, msgspec.json.encode({"authenticationId": str(uuid.UUID(int=message))}), JSON)


def message_of(text: str) -> MessageId | None:
    """The message of an authenticationId; None for any other text."""
    try:
        number = uuid.UUID(text).int
    except ValueError:
        return None
    return MessageId(number) if 0 < number <= LARGEST_ID and len(text) == 36 else None
