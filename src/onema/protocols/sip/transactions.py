"""SIP transactions without sockets: one request, its answers, and what the network does to both (RFC 3261 §17).

`Transactions` holds those of one call, one registration or one endpoint. Messages and the time go in (`receive`, `tick`
at least when `due` comes, `transport_failed`), events and octets (`sendings`) come out. Repeated requests are answered
again and repeated final responses acknowledged again without an event, apart from 2xx to an INVITE, which the call
must acknowledge itself (§13.2.2.4). 2xx of ours are repeated here until `acknowledged`, over every transport
(§13.3.1.4), so that whoever answers calls need not.

INVITE transactions that got or gave a 2xx live on as Accepted (RFC 6026 §7), so that nothing of them looks new.
"""

from collections.abc import Iterator

import msgspec

from onema.protocols.sip.answers import Source, note_source
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.transaction import NEVER, ClientTransaction, ServerTransaction, State, Timing

MAGIC_COOKIE = "z9hG4bK"
"""Every branch of RFC 3261 begins so (§8.1.1.7); others are of RFC 2543 and are told apart by more fields."""


class Sending(msgspec.Struct, frozen=True, gc=False):
    """What is to be sent now. Responses go back to the `source` that came with their request (RFC 3581 §4). Requests go
    to `next_hop`, a URI to be located (RFC 3263), or where that is empty to where the whole began: the trunk's address.
    """

    data: bytes
    next_hop: str = ""
    source: Source | None = None


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A response to the request with this branch and method: every provisional one, the first final one, and every 2xx
    of an INVITE.
    """

    branch: str
    request: Request
    response: Response


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """The request got no final response in time (`refused` False), or could not be sent."""

    branch: str
    request: Request
    refused: bool


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request that is new, to be answered by `Transactions.answer` with its `key`; an ACK that acknowledges a 2xx has
    none and is never answered.
    """

    key: "Key | None"
    request: Request
    source: Source | None


class NotAcknowledged(msgspec.Struct, frozen=True, gc=False):
    """Our final response to an INVITE got no ACK in time (timer H or L)."""

    key: "Key"
    request: Request
    status: int


class Stray(msgspec.Struct, frozen=True, gc=False):
    """A response that no request of ours waits for; a CANCEL is a request like any other."""

    response: Response


Event = Answered | Unanswered | Asked | NotAcknowledged | Stray
Key = tuple[str, ...]


class Transactions:
    """See the module. Times are seconds of any steady clock, the same for every call. `reliable` is whether the
    transport repeats what is lost: TCP and TLS.
    """

    def __init__(self, timing: Timing = Timing(), *, reliable: bool = False) -> None:  # noqa: B008  # frozen
        self._timing, self._reliable = timing, reliable
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        """By branch and method (§17.1.3)."""
        self._servers: dict[Key, ServerTransaction] = {}
        """By what tells them apart (§17.2.3)."""
        self._out: list[Sending] = []

    def ask(self, request: Request, now: float, next_hop: str = "") -> str:
        """Send a request, whose top Via has a branch of its own; that branch."""
        branch = request.via.branch
        client = ClientTransaction(request, branch, next_hop, self._timing, self._reliable, now)
        self._clients[branch, request.method] = client
        self._flush_client(client)
        return branch

    def hush(self, branch: str) -> None:
        """Do not repeat this INVITE any more, and go on waiting for its responses. It may have arrived or not."""
        client = self._clients.get((branch, "INVITE"))
        if client is not None:
            client.hush()

    def forget(self, branch: str) -> None:
        """Wait no more for a final response to this INVITE, which nothing else bounds (§9.1)."""
        self._clients.pop((branch, "INVITE"), None)

    def send_once(self, request: Request, next_hop: str = "") -> None:
        """Send an ACK for a 2xx, which is in no transaction (§13.2.2.4)."""
        self._out.append(Sending(request.encode(), next_hop))

    def answer(self, key: Key, response: Response, now: float) -> bool:
        """Answer what was Asked; False where it has a final response already or is gone."""
        server = self._servers.get(key)
        if server is None:
            return False
        sent = server.answer(response, now)
        self._flush_server(key, server)
        return sent

    def ignore(self, key: Key, now: float) -> None:
        """Never answer what was Asked, as if it had been lost."""
        server = self._servers.get(key)
        if server is not None:
            server.ignore(now)

    def answer_besides(self, key: Key, response: Response) -> None:
        """Send a 2xx of another fork of an INVITE that is accepted already, once (RFC 6026 §7.1)."""
        server = self._servers.get(key)
        if server is not None and server.state is State.ACCEPTED:
            self._out.append(Sending(response.encode(), source=server.source))

    def acknowledged(self, key: Key, now: float) -> None:
        """The 2xx that was the answer to this INVITE got its ACK. Safe twice."""
        server = self._servers.get(key)
        if server is not None:
            server.acknowledged(now)

    def is_open(self, key: Key) -> bool:
        """Whether what was Asked has no final response yet."""
        server = self._servers.get(key)
        return server is not None and server.state is State.PROCEEDING

    def invite_of(self, cancel: Request) -> Key | None:
        """Which INVITE a CANCEL means, if any (§9.2): the one with its branch."""
        key = _key(cancel, "INVITE")
        return key if key in self._servers else None

    def receive(self, message: Request | Response, now: float, source: Source | None = None) -> list[Event]:
        """What the message brings: nothing where it was repeated."""
        if isinstance(message, Response):
            return self._receive_response(message, now)
        key = _key(message, "INVITE" if message.method == "ACK" else message.method)
        server = self._servers.get(key)
        if message.method == "ACK":
            if server is None:
                return [Asked(None, message, source)]
            if server.state is State.ACCEPTED:
                # §17.2.3: not with the branch of its INVITE, but phones of RFC 2543 do so.
                return [Asked(None, message, source)]
            server.acknowledged(now)
            self._flush_server(key, server)
            return []
        if server is not None:
            server.repeated()
            self._flush_server(key, server)
            return []
        if source is not None:
            note_source(message, source)
        self._servers[key] = ServerTransaction(message, source, self._timing, self._reliable)
        return [Asked(key, message, source)]

    def _receive_response(self, response: Response, now: float) -> list[Event]:
        branch = response.via.branch
        client = self._clients.get((branch, response.cseq.method))
        if client is None:
            return [Stray(response)]
        heard = client.receive(response, now)
        self._flush_client(client)
        return [Answered(branch, client.request, response)] if heard else []

    def tick(self, now: float) -> list[Event]:
        """What the time brings: repetitions, and what was given up."""
        events: list[Event] = []
        for client in list(self._clients.values()):
            if client.due <= now:
                if client.tick(now):
                    events.append(Unanswered(client.branch, client.request, False))
                self._flush_client(client)
        for key, server in list(self._servers.items()):
            if server.due <= now:
                if server.tick(now):
                    events.append(NotAcknowledged(key, server.request, server.status))
                self._flush_server(key, server)
        return events

    def transport_failed(self) -> list[Event]:
        """What waits for a final response cannot have one: an ICMP error came, or the connection is gone (§17.1.4)."""
        events: list[Event] = [
            Unanswered(client.branch, client.request, True)
            for client in self._clients.values()
            if client.give_up()
        ]
        self._clients.clear()
        return events

    @property
    def due(self) -> float:
        """When `tick` has something to do at the earliest; infinity for never."""
        due = NEVER
        for one in self._all():
            due = min(due, one.due)
        return due

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way and nothing can be repeated any more."""
        return not self._clients and not self._servers

    def sendings(self) -> list[Sending]:
        """What is to be sent now, once, in order."""
        out, self._out = self._out, []
        return out

    def _all(self) -> Iterator[ClientTransaction | ServerTransaction]:
        yield from self._clients.values()
        yield from self._servers.values()

    def _flush_client(self, client: ClientTransaction) -> None:
        self._out += [Sending(data, client.next_hop) for data in client.out]
        client.out.clear()
        if client.state is State.TERMINATED:
            self._clients.pop((client.branch, client.request.method), None)

    def _flush_server(self, key: Key, server: ServerTransaction) -> None:
        self._out += [Sending(data, source=server.source) for data in server.out]
        server.out.clear()
        if server.state is State.TERMINATED:
            self._servers.pop(key, None)


def _key(request: Request, method: str) -> Key:
    via = request.via
    if via.branch.startswith(MAGIC_COOKIE):
        return via.branch, f"{via.host.lower()}:{via.port}", method
    # §17.2.3, for peers of RFC 2543.
    number, caller = str(request.cseq.number), request.from_.tag
    return request.uri, request.call_id, number, caller, via.encode(), method
