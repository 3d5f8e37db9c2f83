"""What tests of calls share: media that are words, and a far end whose messages are written by hand."""

import itertools
from collections.abc import Callable
from typing import Any

import msgspec

from onema.protocols.sip.answers import response_to
from onema.protocols.sip.call_events import CallEvent, Ended
from onema.protocols.sip.calling import OutgoingCall, Plan
from onema.protocols.sip.descriptions import NotAcceptable
from onema.protocols.sip.dialogs import Local
from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Message, Request, Response, parse
from onema.protocols.sip.transaction import Timing
from onema.protocols.sip.transactions import Sending

HERE = Local(transport="UDP", host="192.0.2.1", port=5060, contact="<sip:1900@192.0.2.1:5060>")
THERE = Local(transport="UDP", host="192.0.2.9", port=5060, contact="<sip:phone@192.0.2.9:5060;ob>")
PLAN = Plan(
    uri="sip:+84901234567@trunk.example",
    from_='"Shop, Inc." <sip:1900@shop.example>',
    to="<sip:+84901234567@trunk.example>",
    headers=(("P-Asserted-Identity", "<sip:1900@shop.example>"),),
)


class Words:
    """Media where a session description is a word: our offer, and the answer to an offer is that offer in brackets."""

    def __init__(self, offer: bytes = b"ours") -> None:
        self.offer = offer

    def accept(self, answer: bytes) -> Any:
        if not answer or answer.startswith(b"bad"):
            raise NotAcceptable("no codec that was offered")
        return answer.decode(errors="replace")

    def answer(self, offer: bytes) -> tuple[bytes, Any]:
        return b"ours", self.accept(offer)


class Address(msgspec.Struct, frozen=True):
    ip: str = "198.51.100.7"
    port: int = 5099


def counting(prefix: str) -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"


def messages_in(sendings: list[Sending]) -> list[Message]:
    return [parse(sending.data) for sending in sendings]


class Wire:
    """An outgoing call and what it sends; the far end's side is written by the test."""

    def __init__(
        self,
        plan: Plan = PLAN,
        *,
        digest: DigestClient | None = None,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        reliable: bool = False,
        local: Local = HERE,
    ) -> None:
        self.now = 0.0
        self.call = OutgoingCall(
            plan,
            local=local,
            media=Words(),
            tokens=counting("a"),
            digest=digest,
            timing=timing,
            reliable=reliable,
        )
        self.call.start(self.now)
        self.number = 100
        (self.invite,) = self.requests("INVITE")

    def sent(self) -> list[Message]:
        """What left since it was asked last."""
        return messages_in(self.call.sendings())

    def requests(self, *methods: str) -> list[Request]:
        """What left, which must be requests of these methods in this order."""
        sent = self.sent()
        requests = [message for message in sent if isinstance(message, Request)]
        assert [request.method for request in requests] == list(methods), sent
        assert len(requests) == len(sent), sent
        return requests

    def responses(self, *statuses: int) -> list[Response]:
        sent = self.sent()
        responses = [message for message in sent if isinstance(message, Response)]
        assert [response.status for response in responses] == list(statuses), sent
        return responses

    def get(self, message: Message) -> list[CallEvent]:
        return self.call.receive(parse(message.encode()), self.now, Address())

    def respond(
        self,
        status: int,
        *more: tuple[str, str],
        to: Request | None = None,
        tag: str = "far",
        body: bytes = b"",
        phrase: str = "",
    ) -> list[CallEvent]:
        """A response to the last INVITE, or to another request."""
        request = to or self.invite
        contact = [("Contact", THERE.contact)] if request.method == "INVITE" and status < 300 else []
        return self.get(response_to(request, status, phrase, tag=tag, more=[*contact, *more], body=body))

    def ask(
        self,
        method: str,
        *more: tuple[str, str],
        tag: str = "far",
        body: bytes = b"",
        number: int = 0,
        kind: str = "application/sdp",
    ) -> list[CallEvent]:
        """A request of the far end's in the dialog."""
        if not number:
            self.number += 1
            number = self.number
        headers = Headers(
            [
                ("Via", f"SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bKfar{method}{number}"),
                ("From", f"<sip:+84901234567@trunk.example>;tag={tag}"),
                ("To", self.invite.headers.get("From") or ""),
                ("Call-ID", self.call.call_id),
                ("CSeq", f"{number} {method}"),
                ("Max-Forwards", "70"),
                *more,
            ]
        )
        if body:
            headers.add("Content-Type", kind)
        return self.get(Request(method, "sip:1900@192.0.2.1:5060", headers, body))

    def answer(self, *more: tuple[str, str]) -> Request:
        """Let the far end accept; the ACK."""
        self.respond(200, *more, body=b"theirs")
        (ack,) = self.requests("ACK")
        return ack

    def wait_until(self, then: float) -> list[CallEvent]:
        """Let time pass, with a tick whenever one is due."""
        events: list[CallEvent] = []
        while self.call.due <= then:
            self.now = max(self.now, self.call.due)
            events += self.call.tick(self.now)
        self.now = then
        return events


def ended(events: list[CallEvent]) -> Ended:
    (event,) = events
    assert isinstance(event, Ended), event
    return event


def up(*more: tuple[str, str]) -> Wire:
    """A call that is answered and acknowledged."""
    wire = Wire()
    wire.answer(*more)
    return wire
