"""Plain sends as they arrive in their dresses, and what they are answered with: JSON, or the same in XML.

The vendor's demos of the XML dress build `RQST` by joining strings, and read `SmsResultModel` without a namespace
(SimpleXML, DOM, `/SmsResultModel` as an XPath): docs/vendors/esms.md#sources.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes
from xml.parsers import expat  # what could be misused of XML is refused below
from xml.sax.saxutils import escape  # reads nothing

import msgspec

from onema.dialects.esms import wire
from onema.http.messages import Request
from onema.http.parameters import parse_json_object, parse_query

PARAMETERS = frozenset(
    {
        "apikey",
        "secretkey",
        "phone",
        "content",
        "smstype",
        "brandname",
        "isunicode",
        "unicode",
        "sandbox",
        "requestid",
        "senddate",
        "campaignid",
        "callbackurl",
    }
)
_LISTS = frozenset({"phone", "phones"})
# As the vendor's page spells them, and nearly everybody with it.
_SPELLED = {
    name: name.lower()
    for name in (
        *("ApiKey", "SecretKey", "Phone", "Content", "SmsType", "Brandname", "IsUnicode", "Sandbox"),
        *("RequestId", "SendDate", "campaignid", "CallbackUrl"),
    )
}
MOST_ELEMENTS = 2_000
"""Of one RQST: a phone takes two."""
DEEPEST_ELEMENT = 8

JSON_TYPE = b"application/json; charset=utf-8"
XML_TYPE = b"application/xml; charset=utf-8"

_ENCODED = re.compile(r"[0-9A-Za-z.*_-]*(?:(?:%[0-9A-Fa-f]{2}|\+)[0-9A-Za-z.*_-]*)+")
"""What Java's URLEncoder makes of a text with a space or a letter that is not ASCII."""

Parameters = dict[str, str]


class Result(msgspec.Struct, frozen=True):
    """Of one send, in the vendor's order; what is empty is left out."""

    code: str
    message: str = ""
    smsid: str = ""
    send_status: str = ""

    def _texts(self) -> tuple[tuple[str, str], ...]:
        every = ("ErrorMessage", self.message), ("SMSID", self.smsid), ("SendStatus", self.send_status)
        return tuple(each for each in every if each[1])

    def as_json(self) -> bytes:
        rest = b"".join(b',"%b":%b' % (name.encode(), wire.json_text(text)) for name, text in self._texts())
        return b'{"CodeResult":%b,"CountRegenerate":0%b}' % (wire.json_text(self.code), rest)

    def as_xml(self) -> bytes:
        members = (("CodeResult", self.code), ("CountRegenerate", "0"), *self._texts())
        inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in members)
        return f"<SmsResultModel>{inner}</SmsResultModel>".encode()


def read_send(request: Request) -> Parameters:
    """Parameters by lower-cased name, from the query and a body of any kind: JSON, form, or RQST. The body's win.

    Raises ValueError when there is no way to read them.
    """
    body = request.body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body.startswith(b"<"):
        return {**parse_query(request.query), **_read_rqst(body)}
    if not body.startswith(b"{"):
        return wire.read_parameters(request, PARAMETERS)
    members = known_members(parse_json_object(body))
    return {**parse_query(request.query), **members} if request.query else members


def known_members(members: Mapping[str, object]) -> Parameters:
    """Those of a JSON object that plain sends know; a list of phones becomes one text. Raises ValueError."""
    found = {}
    for name, value in members.items():
        lowered = _SPELLED.get(name)
        if lowered is not None and type(value) is str:
            found[lowered] = value
            continue
        lowered = name.lower()
        if isinstance(value, list) and lowered in _LISTS:
            found["phone"] = ",".join(map(wire.text_of, value))
        elif lowered in PARAMETERS and value is not None:
            found[lowered] = wire.text_of(value)
    return found


def _read_rqst(body: bytes) -> Parameters:
    """The elements of an RQST by lower-cased name, and its phones joined by commas.

    Raises ValueError, also for a document type: nothing here needs entities of one's own. What the declaration says of
    the encoding does not count: the vendor's demos send UTF-8 whatever it says.
    """
    found: Parameters = {}
    open_elements: list[str] = []
    text: list[str] = []
    elements = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        open_elements.append(name.lower())
        text.clear()
        if elements > MOST_ELEMENTS or len(open_elements) > DEEPEST_ELEMENT:
            raise ValueError("an RQST has too many elements")
        if open_elements[0] != "rqst":
            raise ValueError("the document is no RQST")

    def end(name: str) -> None:
        known, value = open_elements.pop(), "".join(text).strip()
        text.clear()
        if known == "phone" and "phone" in found:
            value = f"{found['phone']},{value}"
        if known in PARAMETERS:
            found[known] = value

    def refuse(*document_type: object) -> None:
        raise ValueError("an RQST has no document type")

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise ValueError(f"an RQST is no XML: {error.code}") from error
    if "content" in found:
        found["content"] = _decoded(found["content"])
    return found


def _decoded(content: str) -> str:
    """One public client percent-encodes CONTENT. A text with a space in it was not encoded."""
    if not _ENCODED.fullmatch(content):
        return content
    decoded = unquote_to_bytes(content.replace("+", " ")).decode()
    if "\0" in decoded:
        raise ValueError("a parameter holds NUL")
    return decoded
