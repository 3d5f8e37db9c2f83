"""Session descriptions (SDP, RFC 8866): octets to media and their attributes. What they mean for a call is in `sdp`."""

import ipaddress
import re

import msgspec

MOST_LINES = 500
"""Of a description. An offer of a browser with video has about 150."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_MEDIA = re.compile(r"([^\s/]+) +([0-9]{1,5})(?:/[0-9]+)? +(\S+)((?: +\S+)+)\s*")
_CONNECTION = re.compile(r"IN +IP[46] +([^\s/]+)(?:/\S*)?\s*")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class NotAcceptable(Exception):
    """A session description that cannot be used; its text says why, for operators, and holds no part of it."""


class Malformed(NotAcceptable):
    """One that is no session description at all (400 rather than 488, RFC 3261 §21.4.26)."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """One m-line with what belongs to it. `address` is without brackets; `attributes` are its own, with the session's
    direction where it has none itself.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    address: str
    attributes: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> list[str]:
        """Of all attributes of that name, in order; empty for one without a value."""
        return [value for key, value in self.attributes if key == name]

    def value(self, name: str) -> str | None:
        return next((value for key, value in self.attributes if key == name), None)

    @property
    def direction(self) -> str:
        """sendrecv unless something else is said (RFC 8866 §6.7)."""
        return next((key for key, _ in self.attributes if key in _DIRECTIONS), "sendrecv")


def read_descriptions(octets: bytes) -> list[Description]:
    """The m-lines in order. Raises Malformed."""
    lines = [line for line in _LINE_END.split(octets) if line.strip()]
    if not lines or lines[0].strip() != b"v=0":
        raise Malformed("a session description that does not begin with v=0")
    if len(lines) > MOST_LINES:
        raise Malformed("a session description with too many lines")
    session: list[str] = []
    media: list[tuple[str, list[str]]] = []
    for line in lines[1:]:
        text = line.decode("utf-8", "surrogateescape")
        if text[1:2] != "=" or not text[0].isalpha():
            raise Malformed("a line of a session description that is none")
        if text[0] == "m":
            media.append((text[2:], []))
        else:
            (media[-1][1] if media else session).append(text)
    return [_description(line, lines, session) for line, lines in media]


def _description(line: str, lines: list[str], session: list[str]) -> Description:
    found = _MEDIA.fullmatch(line)
    if found is None or int(found[2]) > 65_535:
        raise Malformed("an m-line that is none")
    attributes = _attributes(lines)
    if not any(name in _DIRECTIONS for name, _ in attributes):
        attributes += [row for row in _attributes(session) if row[0] in _DIRECTIONS]
    port = int(found[2])
    return Description(
        kind=found[1].lower(),
        port=port,
        protocol=found[3].upper(),
        formats=tuple(found[4].split()),
        # Of media that are refused nobody needs an address, and some peers leave it out.
        address=_address(lines) or _address(session) or _no_address(port),
        attributes=tuple(attributes),
    )


def _no_address(port: int) -> str:
    if port:
        raise Malformed("media without an address")
    return ""


def _address(lines: list[str]) -> str:
    """Of the first c-line. A name instead of an address would have to be looked up, and no phone writes one."""
    for line in lines:
        if line[0] != "c":
            continue
        found = _CONNECTION.fullmatch(line[2:])
        try:
            return str(ipaddress.ip_address(found[1] if found else ""))
        except ValueError:
            raise Malformed("a c-line without an address") from None
    return ""


def _attributes(lines: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in lines:
        if line[0] == "a":
            name, _, value = line[2:].partition(":")
            found.append((name.strip().lower(), value.strip()))
    return found
