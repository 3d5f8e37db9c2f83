"""The target of a request, as clients really write it."""

from urllib.parse import quote, unquote_to_bytes

import httptools

_ASCII = bytes(range(128)).decode()


def with_ascii_target(data: bytes) -> bytes:
    """Clients that encode nothing put UTF-8 into the request line, which the parser refuses.

    Only for bytes that begin with a request line or within its target: a body that is rewritten has another length
    than the client told, and what is left over would be read as a request that nobody sent.
    """
    line, end, rest = data.partition(b"\r\n")
    return quote(line, safe=_ASCII).encode() + end + rest


def split_target(target: bytes) -> tuple[str, bytes]:
    """The decoded path and the raw query. Raises ValueError."""
    if b"#" in target:
        # Not in any target (RFC 9112 section 3.2): who cut it off would serve another path than a proxy saw.
        raise ValueError("a target has a fragment")
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
    else:
        path, query = _split_absolute(target)
    if b"%" in path:
        path = unquote_to_bytes(path)
        try:
            return path.decode(), query
        except UnicodeDecodeError:
            # Every byte sequence is some path; the API says that it does not know it.
            return path.decode("latin-1"), query
    return path.decode(), query


def _split_absolute(target: bytes) -> tuple[bytes, bytes]:
    """Of `http://host/path?query`, which any server must accept (RFC 9112 section 3.2.2), and of `*`."""
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserError as exc:
        raise ValueError("a target is no address") from exc
    if not url.path:
        raise ValueError("a target has no path")
    return url.path, url.query or b""
