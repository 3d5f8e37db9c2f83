"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966).

A URI that a peer gave (Contact, Record-Route) is sent back as its text, untouched; these are for whoever needs to look
inside, and for URIs of our own.
"""

import re
from urllib.parse import unquote_to_bytes

import msgspec

from onema.protocols.sip.bad_message import BadMessage

Parameters = tuple[tuple[str, str | None], ...]
"""Names and values in order, as written; a name alone (`lr`, `ob`) has None."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:;?@<>\",/]+)\s*(?::\s*([0-9]{1,5}))?")
# RFC 3261 §25.1: unreserved and user-unreserved; what else a user part has is escaped.
_USER_UNSAFE = re.compile(rb"[^A-Za-z0-9\-_.!~*'()&=+$,;?/]")


class SipUri(msgspec.Struct, frozen=True, kw_only=True):
    """A sip or sips URI. `user` and `password` are without their escapes, and None where the URI has no such part;
    `host` has the brackets of an IPv6 literal; `port` 0 is none given. `headers` is the text after the `?`.
    """

    host: str
    user: str | None = None
    password: str | None = None
    port: int = 0
    parameters: Parameters = ()
    headers: str = ""
    scheme: str = "sip"

    def __repr__(self) -> str:
        """Without the user, which is a phone number."""
        return f"<SipUri {self.scheme} {self.host}>"

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, empty for a name alone; None where it is absent."""
        return find_parameter(self.parameters, name)

    @property
    def is_loose_route(self) -> bool:
        """Whether it has `lr`, with a value or without (RFC 3261 §19.1.1)."""
        return self.parameter("lr") is not None

    @property
    def transport(self) -> str:
        """udp, tcp, tls, or empty where the URI does not say; sips is tls (RFC 3261 §26.2.2)."""
        return "tls" if self.scheme == "sips" else (self.parameter("transport") or "").lower()

    def encode(self) -> str:
        parts = [self.scheme, ":"]
        if self.user is not None:
            parts.append(_escaped(self.user))
            if self.password is not None:
                parts += (":", _escaped(self.password))
            parts.append("@")
        parts.append(self.host)
        if self.port:
            parts.append(f":{self.port}")
        parts.append(parameter_text(self.parameters))
        if self.headers:
            parts += ("?", self.headers)
        return "".join(parts)


class TelUri(msgspec.Struct, frozen=True):
    """A tel URI (RFC 3966 §3): the number as written, with its visual separators."""

    number: str
    parameters: Parameters = ()

    def __repr__(self) -> str:
        """Without the number."""
        return "<TelUri>"

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, empty for a name alone; None where it is absent."""
        return find_parameter(self.parameters, name)

    def encode(self) -> str:
        return f"tel:{self.number}{parameter_text(self.parameters)}"


class OtherUri(msgspec.Struct, frozen=True):
    """A URI of another scheme, unread; as a Request-URI it is answered 416 (RFC 3261 §8.2.2.1)."""

    scheme: str
    rest: str

    def __repr__(self) -> str:
        return f"<OtherUri {self.scheme}>"

    def encode(self) -> str:
        return f"{self.scheme}:{self.rest}"


Uri = SipUri | TelUri | OtherUri


def parse_uri(text: str) -> Uri:
    """Raises BadMessage for what is no URI."""
    found = _SCHEME.match(text)
    if found is None:
        raise BadMessage("a URI without a scheme")
    scheme, rest = found[1].lower(), text[found.end() :]
    if scheme in ("sip", "sips"):
        return _parse_sip(scheme, rest)
    if scheme == "tel":
        number, _, parameters = rest.partition(";")
        if not number:
            raise BadMessage("a tel URI without a number")
        return TelUri(number, read_parameters(parameters))
    return OtherUri(found[1], rest)


def parse_sip_uri(text: str) -> SipUri:
    """Raises BadMessage for what is no sip or sips URI."""
    uri = parse_uri(text)
    if not isinstance(uri, SipUri):
        raise BadMessage("a URI that is neither sip nor sips", 416)
    return uri


def _parse_sip(scheme: str, rest: str) -> SipUri:
    user = password = None
    # Only in front of the host may an '@' stand unescaped (RFC 3261 §25.1), and there a '?' may stand before it.
    at = rest.find("@")
    if at >= 0:
        user, colon, secret = rest[:at].partition(":")
        if not user:
            raise BadMessage("a URI with an empty user part")
        password = _plain(secret) if colon else None
        user, rest = _plain(user), rest[at + 1 :]
    found = _HOST.match(rest)
    if found is None:
        raise BadMessage("a URI without a host")
    port = int(found[2] or 0)
    if port > 65_535:
        raise BadMessage("a port that no host has")
    behind = rest[found.end() :]
    parameters, question, headers = behind.partition("?")
    if parameters and parameters[0] != ";":
        raise BadMessage("a URI with something else behind its host")
    if question and not headers:
        raise BadMessage("a URI with no headers behind its '?'")
    return SipUri(
        scheme=scheme,
        user=user,
        password=password,
        host=found[1],
        port=port,
        parameters=read_parameters(parameters[1:]),
        headers=headers,
    )


def find_parameter(parameters: Parameters, name: str) -> str | None:
    """The value of a parameter by its name in lower case, empty for a name alone; None where it is absent."""
    for key, value in parameters:
        if key.lower() == name:
            return value or ""
    return None


def read_parameters(text: str) -> Parameters:
    """What stands behind the first semicolon of a URI. Raises BadMessage for a parameter without a name."""
    if not text:
        return ()
    found: list[tuple[str, str | None]] = []
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if not name or any(character in piece for character in ' \t<>"'):
            raise BadMessage("a URI parameter that is none")
        found.append((name, value if equals else None))
    return tuple(found)


def parameter_text(parameters: Parameters) -> str:
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in parameters)


def _plain(text: str) -> str:
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _escaped(text: str) -> str:
    octets = text.encode("utf-8", "surrogateescape")
    return _USER_UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], octets).decode("ascii")
