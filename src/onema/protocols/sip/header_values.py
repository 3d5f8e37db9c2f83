"""What stands in SIP header fields (RFC 3261 §20, §25.1), read and made.

What a message cannot do without raises BadMessage when it is malformed: NameAddr, Via, CSeq. Readers of what it could
do without return None instead, as if the header field were absent.
"""

import functools
import re

import msgspec

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.uris import Parameters, find_parameter

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PIECE = re.compile(rf'(?:[^,"<]+|{_QUOTED}|<[^>]*>)+', re.DOTALL)
_PARAMETER = re.compile(rf"\s*;\s*([^\s;=\",<>]+)\s*(?:=\s*({_QUOTED}|[^;\"<>]*))?", re.DOTALL)
# No two neighbouring quantifiers of these take the same characters, so that a long row costs no more than its length.
_DISPLAY = re.compile(rf'\s*({_QUOTED}\s*|[^\s"<,;>][^"<,;>]*|)<', re.DOTALL)
_BARE = re.compile(r"\s*([^\s<>\",;?]+)\s*")
_VIA = re.compile(
    r"\s*SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+(\[[0-9A-Fa-f:.]+\]|[^\s:;,\[\]]+)\s*(?::\s*([0-9]{1,5}))?\s*",
    re.IGNORECASE,
)
_CSEQ = re.compile(r"([0-9]+)\s+([A-Za-z0-9\-.!%*_+`'~]+)")
_NUMBER = re.compile(r"[0-9]+")
_LARGEST_CSEQ = 2**31 - 1
"""RFC 3261 §8.1.1.5."""
_REMEMBERED = 1024
"""Values whose parts are remembered: those of one call come in each of its messages, and are asked for often."""
_LARGEST_NUMBER = 2**32 - 1
"""Seconds (RFC 3261 §20.19) and RSeq (RFC 3262 §7.1)."""


class NameAddr(msgspec.Struct, frozen=True):
    """From, To, Contact, Route and their like: a URI as written, the name before it without quotes, and the parameters
    behind it (RFC 3261 §20.10). Without brackets all parameters are the header field's.
    """

    uri: str
    display: str = ""
    parameters: Parameters = ()

    def __repr__(self) -> str:
        """Without the URI, which holds a phone number."""
        return f"<NameAddr with {len(self.parameters)} parameters>"

    @classmethod
    @functools.lru_cache(maxsize=_REMEMBERED)
    def parse(cls, text: str) -> "NameAddr":
        """Of one value; raises BadMessage."""
        found = _DISPLAY.match(text)
        if found is not None:
            uri, closed, behind = text[found.end() :].partition(">")
            uri = uri.strip()
            if not closed or not uri or any(mark in uri for mark in "< \t"):
                raise BadMessage("an address that is none")
            return cls(uri, unquoted(found[1].strip()), read_parameters(behind))
        # A comma, a question mark or a semicolon of the URI would need brackets (RFC 3261 §20).
        found = _BARE.match(text)
        if found is None or ":" not in found[1]:
            raise BadMessage("an address that is none")
        return cls(found[1], "", read_parameters(text[found.end() :]))

    def parameter(self, name: str) -> str | None:
        """The value of a parameter without its quotes, empty for a name alone; None where it is absent."""
        return find_parameter(self.parameters, name)

    @property
    def tag(self) -> str:
        """Empty where there is none, as in the To of a first request."""
        return self.parameter("tag") or ""

    def with_tag(self, tag: str) -> "NameAddr":
        return NameAddr(self.uri, self.display, (*self.parameters, ("tag", tag)))

    def encode(self) -> str:
        display = f"{quoted(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{encode_parameters(self.parameters)}"


class Via(msgspec.Struct, frozen=True):
    """One hop (RFC 3261 §20.42): `transport` in upper case, `port` 0 where none is given."""

    transport: str
    host: str
    port: int = 0
    parameters: Parameters = ()

    @classmethod
    @functools.lru_cache(maxsize=_REMEMBERED)
    def parse(cls, text: str) -> "Via":
        """Of one value; raises BadMessage."""
        found = _VIA.match(text)
        if found is None:
            raise BadMessage("a Via that is none")
        return cls(found[1].upper(), found[2], int(found[3] or 0), read_parameters(text[found.end() :]))

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, empty for a name alone; None where it is absent."""
        return find_parameter(self.parameters, name)

    @property
    def branch(self) -> str:
        return self.parameter("branch") or ""

    @property
    def received(self) -> str:
        """The address that the far side saw (RFC 3261 §18.2.1), without brackets; empty where it does not say."""
        return (self.parameter("received") or "").strip("[]")

    @property
    def rport(self) -> int:
        """The port that the far side saw (RFC 3581 §4); 0 where it does not say."""
        port = self.parameter("rport") or ""
        return int(port) if _NUMBER.fullmatch(port) and len(port) <= 5 and int(port) <= 65_535 else 0

    def seen_from(self, address: str, port: int) -> "Via":
        """What a server makes of it: `received` always, `rport` where it is asked for (RFC 3581 §4)."""
        kept: list[tuple[str, str | None]] = []
        for name, value in self.parameters:
            if name.lower() != "received":
                kept.append((name, str(port)) if name.lower() == "rport" else (name, value))
        return Via(self.transport, self.host, self.port, (*kept, ("received", address)))

    def encode(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport} {self.host}{port}{encode_parameters(self.parameters)}"


class CSeq(msgspec.Struct, frozen=True):
    """RFC 3261 §20.16."""

    number: int
    method: str

    @classmethod
    @functools.lru_cache(maxsize=_REMEMBERED)
    def parse(cls, text: str) -> "CSeq":
        """Raises BadMessage."""
        found = _CSEQ.fullmatch(text)
        if found is None or len(found[1]) > 20 or int(found[1]) > _LARGEST_CSEQ:
            raise BadMessage("a CSeq that is none")
        return cls(int(found[1]), found[2])

    def encode(self) -> str:
        return f"{self.number} {self.method}"


class Reason(msgspec.Struct, frozen=True):
    """Why a call ended (RFC 3326): `protocol` is SIP, Q.850 or another, `cause` 0 where none is given."""

    protocol: str
    cause: int = 0
    text: str = ""

    def encode(self) -> str:
        cause = f";cause={self.cause}" if self.cause else ""
        text = f";text={quoted(self.text)}" if self.text else ""
        return f"{self.protocol}{cause}{text}"


class SessionExpires(msgspec.Struct, frozen=True):
    """RFC 4028 §4: `refresher` is uac, uas or empty."""

    seconds: int
    refresher: str = ""

    def encode(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


class RAck(msgspec.Struct, frozen=True):
    """Which provisional response a PRACK is for (RFC 3262 §7.2)."""

    response: int
    cseq: CSeq

    def encode(self) -> str:
        return f"{self.response} {self.cseq.encode()}"


def read_reasons(values: list[str]) -> list[Reason]:
    """Of all Reason header fields, in order; blanks stand around semicolons at some peers."""
    found: list[Reason] = []
    for value in values:
        protocol, _, _ = value.partition(";")
        try:
            parameters = read_parameters(value[len(protocol) :])
        except BadMessage:
            continue
        cause = find_parameter(parameters, "cause") or ""
        text = find_parameter(parameters, "text") or ""
        if TOKEN.fullmatch(protocol.strip()):
            found.append(Reason(protocol.strip(), int(cause) if _is_short_number(cause) else 0, text))
    return found


def read_session_expires(text: str | None) -> SessionExpires | None:
    seconds, parameters = _seconds_and_parameters(text)
    if seconds is None:
        return None
    refresher = (find_parameter(parameters, "refresher") or "").lower()
    return SessionExpires(seconds, refresher if refresher in ("uac", "uas") else "")


def read_seconds(text: str | None) -> int | None:
    """Min-SE, Expires, Min-Expires and Retry-After, without the comment and parameters that may follow."""
    return _seconds_and_parameters(text)[0]


def read_rseq(text: str | None) -> int | None:
    """RFC 3262 §7.1."""
    return int(text) if text and _is_number(text) else None


def read_rack(text: str | None) -> RAck | None:
    response, _, cseq = (text or "").partition(" ")
    try:
        return RAck(int(response), CSeq.parse(cseq.strip())) if _is_number(response) else None
    except BadMessage:
        return None


def _seconds_and_parameters(text: str | None) -> tuple[int | None, Parameters]:
    found = _NUMBER.match(text or "")
    if text is None or found is None or not _is_number(found[0]):
        return None, ()
    _, semicolon, behind = text.partition(";")
    try:
        return int(found[0]), read_parameters(semicolon + behind)
    except BadMessage:
        return int(found[0]), ()


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and len(text) <= 20 and int(text) <= _LARGEST_NUMBER


def _is_short_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and len(text) <= 4


def split_values(text: str) -> list[str]:
    """The values of a header field that may hold several: split at commas outside quotes and brackets (RFC 3261
    §7.3.1). Raises BadMessage where a quote or bracket is not closed.
    """
    if '"' not in text and "<" not in text:
        return [piece for piece in map(str.strip, text.split(",")) if piece]
    values: list[str] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is not None:
            at = found.end()
            values.append(found[0].strip())
        if at < len(text):
            if text[at] != ",":
                raise BadMessage("a quote or bracket that is not closed")
            at += 1
    return [value for value in values if value]


def read_parameters(text: str) -> Parameters:
    """What stands behind a value: `;name=value` with blanks anywhere, values without their quotes. Raises
    BadMessage.
    """
    found: list[tuple[str, str | None]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _PARAMETER.match(text, at)
        if match is None:
            raise BadMessage("a parameter that is none")
        value = match[2]
        found.append((match[1], None if value is None else unquoted(value.strip())))
        at = match.end()
    return tuple(found)


def encode_parameters(parameters: Parameters) -> str:
    """With quotes where a value needs them."""
    return "".join(
        f";{name}" if value is None else f";{name}={value if _is_plain(value) else quoted(value)}"
        for name, value in parameters
    )


def _is_plain(value: str) -> bool:
    """A token or a host (RFC 3261 §25.1: gen-value)."""
    return bool(TOKEN.fullmatch(value.translate(_HOST_MARKS))) if value else False


_HOST_MARKS = str.maketrans("[]:", "...")


def quoted(text: str) -> str:
    """A quoted-string (RFC 3261 §25.1)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(text: str) -> str:
    """What a quoted-string says; other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if "\\" in text else text[1:-1]
