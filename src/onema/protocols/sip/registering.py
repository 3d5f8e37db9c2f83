"""One registration at a registrar, without sockets: asked for, kept, and given back (RFC 3261 §10)."""

import math

import msgspec

from onema.protocols.sip import transactions as t
from onema.protocols.sip.answers import Source, response_to
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.dialogs import Local, Tokens
from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.header_values import NameAddr, read_seconds
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Message, Request, Response
from onema.protocols.sip.transaction import Timing
from onema.protocols.sip.uris import parse_sip_uri

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 1_800.0
"""Seconds before it is tried again, doubling (RFC 5626 §4.5)."""
_REFRESH_AT = 0.75
"""Of the time that was granted: what is left is enough for several tries."""


class Registered(msgspec.Struct, frozen=True):
    """The registrar knows us for so many seconds; it is told after each refresh."""

    seconds: int


class NotRegistered(msgspec.Struct, frozen=True):
    """It was refused or not answered; it is tried again `after` seconds. `status` 0: no response came."""

    status: int
    why: str
    after: float


class Unregistered(msgspec.Struct, frozen=True):
    """What `stop` wanted, or all that could be done for it."""


RegistrationEvent = Registered | NotRegistered | Unregistered


class Registration:
    """See the module. Times are seconds of any steady clock.

    `registrar` is the Request-URI, which has no user part; `address` the address-of-record as a name-addr; `seconds`
    what is asked for. `local` has the Contact.
    """

    def __init__(
        self,
        *,
        registrar: str,
        address: str,
        seconds: int,
        local: Local,
        tokens: Tokens,
        digest: DigestClient | None = None,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        reliable: bool = False,
    ) -> None:
        self.call_id = tokens()
        """The same for all its requests (§10.2)."""
        self.is_registered = False
        self.service_routes: tuple[str, ...] = ()
        """Route values that the registrar wants in what we ask through it (RFC 3608)."""
        self._registrar, self._address, self._seconds = registrar, address, seconds
        self._local, self._tokens, self._digest = local, tokens, digest
        self._transactions = t.Transactions(timing, reliable=reliable)
        self._tag = tokens()
        self._number = 0
        self._branch = ""
        """Of the request that waits for its response; empty: none does."""
        self._raised = False
        """Whether a 423 was obeyed since the last success."""
        self._failures = 0
        """In a row."""
        self._due = math.inf
        """When to register next."""
        self._stopping = self._stopped = False
        self._until = math.inf
        """When what was granted ends."""

    def start(self, now: float) -> None:
        """Register, and stay so until `stop`."""
        self._ask(now)

    def stop(self, now: float) -> list[RegistrationEvent]:
        """Give it back (§10.2.2), where there is something to give back. Safe twice."""
        if self._stopping:
            return []
        self._stopping, self._due = True, math.inf
        if not self.is_registered and not self._branch:
            return self._end()
        if not self._branch:
            self._ask(now)
        return []

    def sendings(self) -> list[t.Sending]:
        """What is to be sent now, once."""
        return self._transactions.sendings()

    @property
    def due(self) -> float:
        """When `tick` has something to do at the earliest; infinity for never."""
        until = self._until if self.is_registered else math.inf
        return min(self._due, self._transactions.due, until)

    @property
    def is_over(self) -> bool:
        """Whether it is Unregistered and nothing of it can come again."""
        return self._stopped and self._transactions.is_idle

    def receive(self, message: Message, now: float, source: Source | None = None) -> list[RegistrationEvent]:
        """What a message with its Call-ID brings."""
        return self._happened(self._transactions.receive(message, now, source), now)

    def transport_failed(self, now: float) -> list[RegistrationEvent]:
        """What was sent did not arrive, or the connection is gone: then the registrar does not reach us either."""
        events = self._happened(self._transactions.transport_failed(), now)
        if self.is_registered and not events and not self._stopping:
            return self._failed(0, "the connection is gone", 0, now)
        return events

    def tick(self, now: float) -> list[RegistrationEvent]:
        """What the time brings."""
        events = self._happened(self._transactions.tick(now), now)
        if self.is_registered and now >= self._until:
            self.is_registered = False
        if now >= self._due:
            self._due = math.inf
            self._ask(now)
        return events

    def _happened(self, happened: list[t.Event], now: float) -> list[RegistrationEvent]:
        events: list[RegistrationEvent] = []
        for event in happened:
            if isinstance(event, t.Answered) and event.branch == self._branch:
                events += self._heard(event.request, event.response, now)
            elif isinstance(event, t.Unanswered) and event.branch == self._branch:
                why = "it could not be sent" if event.refused else "no response"
                events += self._failed(0, why, 0, now)
            elif isinstance(event, t.Asked) and event.key is not None:
                self._transactions.answer(event.key, response_to(event.request, 481), now)
        return events

    def _ask(self, now: float) -> None:
        seconds = 0 if self._stopping else self._seconds
        self._number += 1
        headers = Headers([("Via", self._local.via(self._tokens)), ("Max-Forwards", "70")])
        headers.add("From", f"{self._address};tag={self._tag}")
        headers.add("To", self._address)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{self._number} REGISTER")
        headers.add("Contact", f"{self._local.contact};expires={seconds}")
        headers.add("Expires", str(seconds))
        headers.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")
        if self._local.agent:
            headers.add("User-Agent", self._local.agent)
        request = Request("REGISTER", self._registrar, headers)
        if self._digest is not None:
            self._digest.authorize(request)
        self._branch = self._transactions.ask(request, now)

    def _heard(self, request: Request, response: Response, now: float) -> list[RegistrationEvent]:
        if response.status < 200:
            return []
        self._branch = ""
        if response.status < 300:
            return self._granted(request, response, now)
        if self._digest is not None and self._digest.learn(request, response):
            self._ask(now)
            return []
        least = read_seconds(response.headers.get("Min-Expires"))
        if response.status == 423 and least and not self._raised and not self._stopping:
            # §10.2.8.
            self._seconds, self._raised = max(self._seconds, least), True
            self._ask(now)
            return []
        pause = read_seconds(response.headers.get("Retry-After")) or 0
        return self._failed(response.status, response.reason, pause, now)

    def _granted(self, request: Request, response: Response, now: float) -> list[RegistrationEvent]:
        self._failures, self._raised = 0, False
        if request.headers.get("Expires") == "0":
            return self._end()
        seconds = self._seconds_of(response)
        self.is_registered = seconds > 0
        if self._stopping:
            self._ask(now)
            return []
        if not seconds:
            return self._failed(response.status, "our Contact is not in the answer", 0, now)
        self.service_routes = tuple(_values(response, "Service-Route"))
        self._until = now + seconds
        self._due = now + seconds * _REFRESH_AT
        return [Registered(seconds)]

    def _seconds_of(self, response: Response) -> int:
        """What was granted: by our Contact, which stands among those of others; else by Expires (§10.2.4)."""
        general = read_seconds(response.headers.get("Expires"))
        general = self._seconds if general is None else general
        ours = parse_sip_uri(NameAddr.parse(self._local.contact).uri)
        contacts = [NameAddr.parse(value) for value in _values(response, "Contact") if value != "*"]
        for contact in contacts:
            try:
                uri = parse_sip_uri(contact.uri)
            except BadMessage:
                continue
            if (uri.user, uri.host.lower()) == (ours.user, ours.host.lower()) and uri.port in (ours.port, 0):
                own = read_seconds(contact.parameter("expires"))
                return general if own is None else own
        # A registrar behind a NAT's helper may show another address: one alone is ours.
        if len(contacts) <= 1:
            own = read_seconds(contacts[0].parameter("expires")) if contacts else None
            return general if own is None else own
        return 0

    def _failed(self, status: int, why: str, pause: float, now: float) -> list[RegistrationEvent]:
        self._branch = ""
        self.is_registered = self.is_registered and now < self._until and status == 0 and not pause
        if self._stopping:
            return self._end()
        after = max(float(pause), min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE))
        self._failures = min(self._failures + 1, 10)
        self._due = now + after
        return [NotRegistered(status, why, after)]

    def _end(self) -> list[RegistrationEvent]:
        self.is_registered, self._due = False, math.inf
        if self._stopped:
            return []
        self._stopped = True
        return [Unregistered()]


def _values(response: Response, name: str) -> list[str]:
    try:
        return response.headers.values(name)
    except BadMessage:
        return []
