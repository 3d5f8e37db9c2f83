"""What a DSN says: which hosts it names, and which of its words the driver would not understand."""

from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

_LIBPQ_ONLY = frozenset(
    {
        "connect_timeout",
        "fallback_application_name",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "sslcompression",
        "sslsni",
        "tcp_user_timeout",
    }
)
"""Words of libpq (PostgreSQL 17, 32.1.2) about how it connects and watches a link. Every node has its own way
for that, and asyncpg would send them to the server as settings, which it does not know.
"""
_ENCODE = (
    "user or password hold a character that a URL must spell as a code: "
    "@ as %40, / as %2F, : as %3A, # as %23, ? as %3F, [ as %5B"
)


def each_host(dsn: str) -> dict[str, str]:
    """The hosts that `dsn` names, each with a DSN of its own; "" when it names none.

    Raises ValueError, which shows neither user nor password.
    """
    parts = _split(dsn)
    login, at, hosts = parts.netloc.rpartition("@")
    # The driver would take the first @ for the end of the login.
    login = login.replace("@", "%40") + at
    query = _words(parts.query)
    if hosts:
        return {host: _written(parts, login + host, query) for host in hosts.split(",")}
    if "host" not in query:
        return {"": _written(parts, login, query)}
    names, ports = query["host"].split(","), query.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        raise ValueError(f"{len(ports)} ports for {len(names)} hosts")
    return {
        f"{name}:{port}" if port else name: _written(parts, login, {**query, "host": name, "port": port})
        for name, port in zip(names, ports, strict=True)
    }


def _written(parts: SplitResult, netloc: str, query: dict[str, str]) -> str:
    words = urlencode(query, quote_via=quote, safe="")
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if words else ''}{words}"


def _split(dsn: str) -> SplitResult:
    try:
        parts = urlsplit(dsn)
    except ValueError as error:
        raise ValueError(_ENCODE) from error
    hosts = parts.netloc.rpartition("@")[2]
    a_port_is_none = any(
        port and not port.isdecimal() for port in (_port(host) for host in hosts.split(",") if host)
    )
    # A raw / ? or # ends the part that names the hosts, and what follows it holds the @.
    if a_port_is_none or parts.fragment or ("@" in parts.path and "@" not in parts.netloc):
        raise ValueError(_ENCODE if "@" in dsn else "a port is not a number")
    return parts


def _port(host: str) -> str:
    return host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""


def _words(query: str) -> dict[str, str]:
    """The query without what only libpq understands."""
    try:
        words = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise ValueError("what follows ? must be words such as sslmode=require, joined by &") from error
    if words.pop("channel_binding", "") == "require" and words.get("sslmode") != "verify-full":
        raise ValueError(
            "the driver cannot bind channels (channel_binding=require); sslmode=verify-full with the "
            "provider's sslrootcert keeps others out of the middle as well"
        )
    return {word: value for word, value in words.items() if word not in _LIBPQ_ONLY and value}
