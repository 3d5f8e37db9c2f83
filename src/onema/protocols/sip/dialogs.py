"""Dialogs: what the requests of one call have in common, and where they go (RFC 3261 §12)."""

from collections.abc import Callable

import msgspec

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.header_values import NameAddr, Via
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.transactions import MAGIC_COOKIE
from onema.protocols.sip.uris import parse_sip_uri

Tokens = Callable[[], str]
"""Makes letters and digits that nobody can guess and that never come twice: tags, branches, Call-IDs."""


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """This end as messages name it: `host` (an IPv6 address in brackets) and `port` of its Via, its Contact."""

    transport: str
    """UDP, TCP, TLS."""
    host: str
    port: int
    contact: str
    """With brackets: `<sip:1900@192.0.2.1:5060>`."""
    agent: str = ""
    """What User-Agent or Server says; empty: the header field is left out."""

    def via(self, tokens: Tokens) -> str:
        """With a branch of its own, and asking for the port that the far side sees (RFC 3581 §3)."""
        parameters = (("rport", None), ("branch", MAGIC_COOKIE + tokens()))
        return Via(self.transport, self.host, self.port, parameters).encode()


class Dialog:
    """See the module. `local` and `remote` are From and To of our requests, tags included."""

    __slots__ = ("call_id", "local", "number", "remote", "remote_number", "remote_tag", "routes", "target")

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        remote: str,
        remote_tag: str,
        target: str,
        routes: list[str],
        number: int,
    ) -> None:
        self.call_id, self.local, self.remote, self.remote_tag = call_id, local, remote, remote_tag
        self.target = target
        """The Request-URI of what we send: the far end's Contact with all its parameters (§12.2.1.1)."""
        self.routes = routes
        """As the far end's Record-Route has them, untouched."""
        self.number = number
        """CSeq of our last request."""
        self.remote_number = -1
        """CSeq of the far end's last request."""

    @classmethod
    def of_response(cls, request: Request, response: Response) -> "Dialog":
        """Of a response with a To tag to an INVITE of ours (§12.1.2): its Record-Route in reverse. Without a Contact,
        which a 2xx must have, the URI that was called.
        """
        contact = response.contact
        return cls(
            call_id=request.call_id,
            local=request.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            remote_tag=response.to.tag,
            target=contact.uri if contact else request.uri,
            routes=response.headers.values("Record-Route")[::-1],
            number=request.cseq.number,
        )

    @classmethod
    def of_request(cls, request: Request, tag: str) -> "Dialog":
        """Of an INVITE that we answer with this tag (§12.1.1): its Record-Route as it is."""
        contact = request.contact
        dialog = cls(
            call_id=request.call_id,
            local=request.to.with_tag(tag).encode(),
            remote=request.headers.get("From") or "",
            remote_tag=request.from_.tag,
            target=contact.uri if contact else request.from_.uri,
            routes=request.headers.values("Record-Route"),
            number=0,
        )
        dialog.remote_number = request.cseq.number
        return dialog

    def request(self, method: str, local: Local, tokens: Tokens, *, number: int | None = None) -> Request:
        """A new request; an ACK has the number of its INVITE (§13.2.2.4)."""
        if number is None:
            self.number += 1
            number = self.number
        uri, routes = self.target, self.routes
        if routes and not _is_loose(routes[0]):
            # §12.2.1.1: a strict router of RFC 2543 is asked by its own URI, and finds the target last.
            uri, routes = NameAddr.parse(routes[0]).uri, [*routes[1:], f"<{self.target}>"]
        headers = Headers([("Via", local.via(tokens)), ("Max-Forwards", "70")])
        for route in routes:
            headers.add("Route", route)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{number} {method}")
        if method in ("INVITE", "UPDATE"):
            headers.add("Contact", local.contact)
        if local.agent:
            headers.add("User-Agent", local.agent)
        return Request(method, uri, headers)

    @property
    def next_hop(self) -> str:
        """The URI of who gets our requests first."""
        return NameAddr.parse(self.routes[0]).uri if self.routes else self.target

    def takes(self, request: Request) -> bool:
        """Whether a request of the far end's is in order (§12.2.2), which is then its last one. An ACK has the number
        of its INVITE.
        """
        number = request.cseq.number
        if number < self.remote_number or (number == self.remote_number and request.method != "ACK"):
            return False
        self.remote_number = number
        return True

    def move(self, message: Request | Response) -> None:
        """A re-INVITE or UPDATE, or the 2xx to one of ours, may say where the far end is now (§12.2)."""
        contact = message.contact
        if contact is not None:
            self.target = contact.uri


def _is_loose(route: str) -> bool:
    try:
        return parse_sip_uri(NameAddr.parse(route).uri).is_loose_route
    except BadMessage:
        return True
