"""What a request's parameters are, and the bytes of every answer.

The vendor's service is .NET WCF, to judge by its paths, cookies and dates: members come in ordinal order, nulls are
left out as in all of its samples, and DataContractJsonSerializer writes "/" as "\\/" (docs/vendors/esms.md#sources).
The shapes are so few and fixed that they are written as bytes.
"""

import json
import re
from collections.abc import Set

import msgspec

from onema.domain.ids import LARGEST_ID, MessageId
from onema.http.messages import Request
from onema.http.parameters import parse_form, parse_json_object, parse_multipart, parse_query

INVALID_REQUEST = b'{"error":"Invalid request"}'
"""The vendor's answer to what is no request at all.

https://developers.esms.vn/esms-api/ham-gui-tin/tin-nhan-sms-otp-cskh (seen 2026-11) has it for plain sends.
"""

PARAMETERS = frozenset(
    {
        "apikey",
        "secretkey",
        "phone",
        "timealive",
        "numcharofcode",
        "brandname",
        "type",
        "message",
        "isnumber",
        "code",
        "speed",
        "voice",
        "templateid",
        "variableliststr",
        "senddate",
        "callbackurl",
        "requestid",
        "multichanneltempid",
        "typeid",
    }
)
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,100})\s*", re.ASCII)
_SMSID = re.compile(r"[0-9a-fA-F]{32}")
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
# DataContractJsonSerializer (.NET Core 3.1.23, Mono 6.8) writes these as \uXXXX, and all other text as it is.
_ESCAPED = re.compile("[\x85\u2028\u2029\U00010000-\U0010ffff]")


class JsonNumber(str):
    """The digits of a whole number in JSON: "0123" that was written as one has lost its zero."""

    __slots__ = ()


def read_parameters(request: Request, known: Set[str] = PARAMETERS) -> dict[str, str]:
    """Parameters by lower-cased name, from query and body together; the body's win. Of JSON the `known` ones.

    Raises ValueError when there is no way to read them.
    """
    parameters = parse_query(request.query)
    body = request.body.strip()
    if body:
        parameters.update(_read_body(body, request.header(b"content-type") or b"", known))
    return parameters


def _read_body(body: bytes, content_type: bytes, known: Set[str]) -> dict[str, str]:
    """Clients send JSON under any content type, so what looks like an object is one."""
    kind = content_type.lower()
    if body.startswith((b"{", b"\xef\xbb\xbf")) or b"json" in kind:
        return _read_json(body, known)
    return parse_multipart(body, content_type) if b"multipart" in kind else parse_form(body)


def _read_json(body: bytes, known: Set[str]) -> dict[str, str]:
    members = ((name.lower(), value) for name, value in parse_json_object(body).items())
    return {name: text_of(value) for name, value in members if name in known and value is not None}


def text_of(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "1" if value else "0"
        case int():
            return JsonNumber(value)
        case float():
            return JsonNumber(int(value)) if value.is_integer() else str(value)
        case _:
            raise ValueError("a parameter is neither text nor number")


def clamped(text: str | None, default: int, lowest: int, highest: int) -> int:
    """The whole number that `text` spells, moved into the range; the default when it spells none."""
    match = _INTEGER.fullmatch(text) if text else None
    return min(max(int(match[1]) if match else default, lowest), highest)


def is_yes(text: str) -> bool:
    return text.strip().lower() in ("1", "true")


def smsid(message: MessageId) -> str:
    """The vendor's SMSIDs are 32 to 39 characters of a GUID; ours spell the message's id."""
    return f"{message:032x}"


def message_of_smsid(text: str) -> MessageId:
    """The message's id. Raises ValueError for what `smsid` cannot have made."""
    message = MessageId(int(text, 16) if _SMSID.fullmatch(text) else -1)
    if not 0 <= message <= LARGEST_ID:
        raise ValueError("not an SMSID")
    return message


def message_of(text: str) -> MessageId | None:
    """As clients quote an SMSID: some write it as a GUID, with dashes."""
    try:
        return message_of_smsid(text.replace("-", "") if _GUID.fullmatch(text) else text)
    except ValueError:
        return None


def accepted(message: MessageId) -> bytes:
    return b'{"CodeResult":"100","CountRegenerate":0,"SMSID":"%032x"}' % message


def refused(code: str, message: str) -> bytes:
    return b'{"CodeResult":%b,"CountRegenerate":0,"ErrorMessage":%b}' % (json_text(code), json_text(message))


def refused_message(code: str, message: str, refused_id: int) -> bytes:
    """An error about a message that was written down."""
    return b'%b,"SMSID":"%032x"}' % (refused(code, message)[:-1], refused_id)


def code_valid(phone: str) -> bytes:
    return refused("100", f"{phone}, Content: Success!")


def code_invalid(result: str, phone: str, code: str) -> bytes:
    return refused(result, f"{phone}, Content: {code} Code Invalid")


def json_text(text: str) -> bytes:
    encoded = msgspec.json.encode(text).replace(b"/", b"\\/")
    return encoded if encoded.isascii() else _ESCAPED.sub(_escape, encoded.decode()).encode()


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
