"""Where a callback may go: what its URL must look like, and which addresses are on the public Internet.

A URL is read by this module alone, when it is saved and when it is called, so that no two readers can differ on what
its host is. Sentences about it never quote more than its host: user, path and query may be secrets.
"""

import base64
import functools
import ipaddress
import re
from string import punctuation
from urllib.parse import quote, unquote_to_bytes

import msgspec

from onema.domain.configuration import documents as doc

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2_048
"""As it is saved; a dialect may add a query."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^@/?#]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]*\]|[^:/?#@\[\]]*)(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?"
)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"[0-9]+|0[Xx][0-9A-Fa-f]*")
_SAFE_IN_TARGET = "".join(sorted(set(punctuation) - set('"<>\\^`{|}#')))
_NEEDS_NO_ESCAPE = re.compile(rf"[A-Za-z0-9{re.escape(_SAFE_IN_TARGET)}]*")

# What IANA's special-purpose registries do not call globally reachable. Python's own is_global differs from version to
# version: 3.11.7 takes 192.0.0.192, where a cloud's machines ask about themselves, for public.
_NOT_PUBLIC = tuple(
    map(
        ipaddress.IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
            # Azure answers a machine's questions about itself here, on an address that looks public:
            # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
            "168.63.129.16/32",
        ),
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class BadCallbackUrl(ValueError):
    """The URL cannot be called; the text continues "its callback_url"."""


class CallbackTarget(msgspec.Struct, frozen=True):
    """A URL in its parts. `host` is without brackets, `path` what goes on the request line, `user` is user:password."""

    scheme: str
    host: str
    port: int
    path: str
    user: bytes = b""

    @property
    def host_header(self) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}").encode()

    @property
    def authorization(self) -> bytes:
        """The value of the header that stands for a user in the URL; empty without one."""
        return b"Basic " + base64.b64encode(self.user) if self.user else b""


def parse_callback_url(url: str) -> CallbackTarget:
    """Raises BadCallbackUrl."""
    if not url.isprintable() or " " in url or "\\" in url:
        raise BadCallbackUrl(
            "holds a space, a backslash or a character that cannot be seen; write it as %20 or the like"
        )
    match = _URL.fullmatch(url)
    if match is None or match["scheme"].lower() not in DEFAULT_PORTS:
        raise BadCallbackUrl(
            "must begin with http:// or https:// and name a host, as in https://example.com/told"
        )
    scheme = match["scheme"].lower()
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[scheme]
    if len(match["port"] or "") > 5 or not 0 < port < 65_536:
        raise BadCallbackUrl("names a port that is not between 1 and 65535")
    return CallbackTarget(
        scheme=scheme,
        host=_host(match["host"]),
        port=port,
        path=_target((match["path"] or "/") + (match["query"] or "")),
        user=unquote_to_bytes(match["user"] or ""),
    )


def _target(text: str) -> str:
    """What goes on the request line. Most of them need no escape, which is seen in a tenth of the time."""
    return text if _NEEDS_NO_ESCAPE.fullmatch(text) else quote(text, safe=_SAFE_IN_TARGET)


@functools.lru_cache(maxsize=1_000)
def _host(text: str) -> str:
    """The host as it is connected to. A number in any other form than an address's own is refused."""
    try:
        if text.startswith("["):
            return str(ipaddress.IPv6Address(text[1:-1]))
        last = text.rstrip(".").rpartition(".")[2]
        if _NUMERIC.fullmatch(last):
            return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise BadCallbackUrl(
            f"names the host {text!r}, which is not an address as it is usually written"
        ) from None
    if not text.isascii():
        raise BadCallbackUrl(f"names the host {text!r}: write it in its xn-- form")
    if len(text) > 253 or not all(map(_LABEL.fullmatch, text.removesuffix(".").split("."))):
        raise BadCallbackUrl(f"names the host {text!r}, which is no host's name")
    return text.lower()


def is_public(address: Address) -> bool:
    """Whether an address is on the public Internet: not of this machine, its networks, or a cloud's own services.

    An IPv4 address inside an IPv6 one is looked at as such.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
        return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_6)
    return not any(address in network for network in _NOT_PUBLIC)


def local_problem(target: CallbackTarget, setting: str = "callback.private_targets") -> str:
    """What is wrong with a target for one who may call the public Internet only, as far as its URL tells. `setting` is
    what would allow it.
    """
    try:
        is_local = not is_public(ipaddress.ip_address(target.host))
    except ValueError:
        name = target.host.removesuffix(".")
        is_local = name == "localhost" or name.endswith(".localhost")
    if not is_local:
        return ""
    return f"names the host {target.host!r}, which is not on the public Internet; {setting} allows it"


URL_FIELDS = ("callback_url", "call_state_url")
"""Of accounts and applications: what is called."""


def callback_url_problem(
    document: doc.Document, field: str = "callback_url", *, private_targets: bool = True
) -> str:
    """What is wrong with the URL in this field of the document, or nothing; a document without one is well."""
    url = getattr(document, field, "")
    problem = url_problem(url, private_targets=private_targets) if url else ""
    return f"its {field} {problem}" if problem else ""


def url_problem(url: str, *, private_targets: bool = True) -> str:
    """What is wrong with a URL that is to be called, or nothing; the text continues "its callback_url"."""
    if len(url) > LONGEST_URL:
        return f"has more than {LONGEST_URL} characters"
    try:
        target = parse_callback_url(url)
    except BadCallbackUrl as error:
        return str(error)
    return "" if private_targets else local_problem(target)
