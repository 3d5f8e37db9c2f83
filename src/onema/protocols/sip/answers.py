"""Responses to requests of the far end's (RFC 3261 §8.2.6)."""

from collections.abc import Iterable
from typing import Protocol

from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Request, Response

PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
"""RFC 3261 §21 and the registry of IANA; receivers do not read them."""


class Source(Protocol):
    """Where a request came from, as its socket saw it: what answers it goes there."""

    @property
    def ip(self) -> str: ...

    @property
    def port(self) -> int: ...


def note_source(request: Request, source: Source) -> None:
    """Write into its topmost Via where a request came from (RFC 3261 §18.2.1, RFC 3581 §4), as its answers then say."""
    seen = request.via.seen_from(source.ip, source.port).encode()
    request.headers.set("Via", ", ".join((seen, *request.headers.values("Via")[1:])))


def response_to(
    request: Request,
    status: int,
    phrase: str = "",
    *,
    tag: str = "",
    more: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    kind: str = "application/sdp",
) -> Response:
    """With the request's Via, From, To, Call-ID and CSeq, and its Record-Route where a dialog may begin. The To gets
    `tag` where it has none.
    """
    of = request.headers
    headers = Headers(("Via", value) for value in of.rows("Via"))
    if request.method == "INVITE" and 100 < status < 300:
        # §12.1.1: whoever is called copies them; they are the caller's route.
        for value in of.rows("Record-Route"):
            headers.add("Record-Route", value)
    headers.add("From", of.get("From") or "")
    to = of.get("To") or ""
    if tag and status > 100 and not request.to.tag:
        to = request.to.with_tag(tag).encode()
    headers.add("To", to)
    headers.add("Call-ID", request.call_id)
    headers.add("CSeq", request.cseq.encode())
    for name, value in more:
        headers.add(name, value)
    if body:
        headers.add("Content-Type", kind)
    return Response(status, phrase or PHRASES.get(status, "Unknown"), headers, body)
