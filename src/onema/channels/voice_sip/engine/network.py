"""Sockets of the engine, and whose the messages are that come: those of a known Call-ID, and strangers'."""

import asyncio
import contextlib
import ipaddress
import random
from collections import OrderedDict
from collections.abc import Callable

from onema.channels.pace import Pace
from onema.channels.tls import context_of, own_context_of
from onema.channels.voice_sip.engine.conversation import Conversation
from onema.channels.voice_sip.line import Trunk
from onema.channels.voice_sip.locating import PORTS, NotLocated, Resolver, locate
from onema.channels.voice_sip.transports import Hop, StreamTransport, Transport, UdpTransport
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.strangers import Strangers
from onema.protocols.sip.transactions import Sending
from onema.protocols.sip.uris import parse_sip_uri

MOST_KNOWN_HOSTS = 10_000
UNKNOWN_PER_SECOND = 50.0
"""Messages from hosts that we never sent anything to, which are read at all: what a flood of them costs is that."""

_Key = tuple[str, str, int, tuple[str, ...], object]


class _Socket:
    """A transport, who uses it, and the ear for what comes over it."""

    def __init__(self, network: "Network") -> None:
        self.transport: Transport
        self.opened = asyncio.Lock()
        self.is_open = False
        self.users: set[object] = set()
        self._network = network

    def welcomes(self, ip: str) -> bool:
        return self._network.welcomes(ip)

    def heard(self, message: Request | Response, came_from: Hop) -> None:
        self._network.heard(self.transport, message, came_from)

    def misheard(self, bad: BadMessage, came_from: Hop) -> None:
        self._network.misheard(self.transport, bad, came_from)

    def failed(self, hop: Hop, why: str) -> None:
        self._network.failed(hop, why)


class Network:
    """See the module. `on_failure` hears of hops that cannot be reached, `on_fault` of what a message raised."""

    def __init__(
        self,
        resolver: Resolver,
        strangers: Strangers,
        on_failure: Callable[[Hop, str], None] = lambda hop, why: None,
        on_fault: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._resolver = resolver
        self._strangers = strangers
        self._on_failure = on_failure
        self._on_fault = on_fault
        self._sockets: dict[_Key, _Socket] = {}
        self._conversations: dict[str, Conversation] = {}
        """By Call-ID."""
        self._known: OrderedDict[str, None] = OrderedDict()
        """Hosts that something was sent to, the one longest ago first."""
        self._unknown_pace = Pace(UNKNOWN_PER_SECOND)
        self._locating: set[asyncio.Task[None]] = set()
        self._named: dict[tuple[str, int | None], Hop] = {}
        """What names in Contact and Route were located to."""
        self._news = asyncio.Event()
        """Set when something came, or a conversation is over."""
        self._loop = asyncio.get_running_loop()

    # Sockets.

    async def transport(self, user: object, trunk: Trunk, ip: str) -> Transport:
        """What `user` sends through to `ip`, open, until it is released. Raises OSError, TlsRefused."""
        own = trunk.bind_address or ("::" if ":" in ip else "0.0.0.0")  # noqa: S104  # whoever comes is a stranger
        files = (trunk.tls_ca_file, trunk.tls_certificate_file, trunk.tls_key_file) if trunk.tls else ()
        # A port that the system chooses is the user's own.
        key = (trunk.transport, own, trunk.bind_port, files, None if trunk.bind_port else user)
        socket = self._sockets.get(key)
        if socket is None:
            socket = self._sockets[key] = _Socket(self)
            if trunk.transport == "udp":
                socket.transport = UdpTransport(own, trunk.bind_port, socket)
            else:
                context, own_context = context_of(trunk), own_context_of(trunk)
                socket.transport = StreamTransport(
                    own, trunk.bind_port, socket, context=context, own_context=own_context
                )
        socket.users.add(user)
        async with socket.opened:
            if not socket.is_open:
                await socket.transport.open()
                socket.is_open = True
        return socket.transport

    def release(self, user: object) -> None:
        """Close what only it used."""
        for key, socket in list(self._sockets.items()):
            socket.users.discard(user)
            if not socket.users:
                del self._sockets[key]
                socket.transport.close()

    def close(self) -> None:
        for socket in self._sockets.values():
            socket.transport.close()
        self._sockets.clear()

    # Conversations.

    def join(self, conversation: Conversation) -> None:
        self._conversations[conversation.call_id] = conversation

    def leave(self, conversation: Conversation) -> None:
        self._conversations.pop(conversation.call_id, None)
        self._news.set()

    async def settled(self) -> None:
        """Wait until every far end has answered what it was asked."""
        while any(conversation.waits for conversation in self._conversations.values()):
            self._news.clear()
            await self._news.wait()

    def send(self, sending: Sending, conversation: Conversation) -> None:
        if isinstance(sending.source, Hop):
            self._write(sending.data, sending.source, conversation)
            return
        hop = self._next_hop(sending.next_hop, conversation)
        if hop is not None:
            self._write(sending.data, hop, conversation)
            return
        task = self._loop.create_task(self._locate_and_send(sending, conversation))
        self._locating.add(task)
        task.add_done_callback(self._locating.discard)

    def _write(self, octets: bytes, hop: Hop, conversation: Conversation) -> None:
        self._know(hop.ip)
        conversation.on_message(True, octets, hop)
        conversation.transport.send(octets, hop)

    def _next_hop(self, uri: str, conversation: Conversation) -> Hop | None:
        """None where a name must be looked up first."""
        if not uri:
            return conversation.hop
        try:
            place = parse_sip_uri(uri)
        except BadMessage:
            return conversation.hop
        host, port, kind = place.host.strip("[]"), place.port or None, conversation.hop.kind
        try:
            ip = str(ipaddress.ip_address(host))
        except ValueError:
            return self._named.get((host, port))
        if kind != "udp" and ip == conversation.hop.ip:
            # The connection that is there, though a Contact names the port that others are to connect to (RFC 5923).
            return conversation.hop
        return Hop(kind, ip, port or PORTS[kind], conversation.hop.name)

    async def _locate_and_send(self, sending: Sending, conversation: Conversation) -> None:
        place = parse_sip_uri(sending.next_hop)
        hop = conversation.hop
        with contextlib.suppress(NotLocated):
            hop = (await locate(place.host, place.port or None, hop.kind, self._resolver, random.random))[0]
            if len(self._named) < MOST_KNOWN_HOSTS:
                self._named[place.host, place.port or None] = hop
        self._write(sending.data, hop, conversation)

    # What comes.

    def welcomes(self, ip: str) -> bool:
        """Whether a message from there is read: always from whom we know, and a few in a second from all others."""
        if ip in self._known:
            return True
        now = self._loop.time()
        if self._unknown_pace.wait(now):
            self._unknown_pace.rest()
            return False
        self._unknown_pace.take(now)
        return True

    def _know(self, ip: str) -> None:
        self._known[ip] = None
        self._known.move_to_end(ip)
        if len(self._known) > MOST_KNOWN_HOSTS:
            self._known.popitem(last=False)

    def heard(self, transport: Transport, message: Request | Response, came_from: Hop) -> None:
        try:
            conversation = self._conversations.get(message.call_id)
            if conversation is not None:
                conversation.on_message(False, message.encode(), came_from)
                conversation.receive(message, came_from)
                self._news.set()
            elif isinstance(message, Request):
                answer = self._strangers.answer(message, self._loop.time(), came_from)
                self._answer(transport, answer, came_from)
        except Exception as error:  # noqa: BLE001  # a parser edge: one message's fault is not its connection's
            self._on_fault(error)

    def misheard(self, transport: Transport, bad: BadMessage, came_from: Hop) -> None:
        self._answer(transport, self._strangers.refuse(bad, self._loop.time(), came_from), came_from)

    def _answer(self, transport: Transport, octets: bytes | None, hop: Hop) -> None:
        if octets is not None:
            transport.send(octets, hop)

    def failed(self, hop: Hop, why: str) -> None:
        """Whatever waits for an answer from there will get none."""
        for conversation in list(self._conversations.values()):
            if conversation.hop.ip == hop.ip and conversation.hop.port == hop.port:
                conversation.failed(why)
        self._on_failure(hop, why)
