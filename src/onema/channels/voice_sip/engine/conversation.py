"""One exchange of SIP messages under a Call-ID: a call, a registration, a question whether somebody is there."""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from onema.channels.voice_sip.transports import Hop, Transport
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.transactions import Sending


class Session(Protocol):
    """What protocols/sip has for each kind; times are the loop's."""

    @property
    def call_id(self) -> str: ...
    @property
    def due(self) -> float: ...
    @property
    def is_over(self) -> bool: ...
    def sendings(self) -> list[Sending]: ...
    def receive(self, message: Request | Response, now: float, source: Any = None) -> Sequence[Any]: ...
    def transport_failed(self, now: float) -> Sequence[Any]: ...
    def tick(self, now: float) -> Sequence[Any]: ...


class Network(Protocol):
    """What conversations share: the engine."""

    def send(self, sending: Sending, conversation: "Conversation") -> None: ...
    def join(self, conversation: "Conversation") -> None:
        """From now on it gets what has its Call-ID."""

    def leave(self, conversation: "Conversation") -> None: ...


class Conversation:
    """Carries a session's octets to its hop, its time and its news. `hears` gets each event, in order."""

    def __init__(
        self, network: Network, session: Session, transport: Transport, hop: Hop, hears: Callable[[Any], None]
    ) -> None:
        self.session = session
        self.transport = transport
        self.hop = hop
        """Where requests go that say nothing else."""
        self.waits = False
        """Whether something was sent since anything came: then an error of the network is about it."""
        self.lives_with_connection = False
        """Whether an error of the network is about it all the same."""
        self.heard_any = False
        self.failure = ""
        """What the network said last."""
        self.on_message: Callable[[bool, bytes, Hop], None] = lambda outgoing, octets, hop: None
        """Sees every message: ours and theirs, in order."""
        self.on_next_message: Callable[[], None] = _nothing
        """Called once, after the next message of theirs."""
        self._network = network
        self._hears = hears
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        network.join(self)

    @property
    def call_id(self) -> str:
        return self.session.call_id

    def receive(self, message: Request | Response, came_from: Hop) -> None:
        self.waits = False
        self.heard_any = True
        self.advance(self.session.receive(message, self._loop.time(), came_from))
        if not isinstance(message, Response) or message.status >= 200:
            then, self.on_next_message = self.on_next_message, _nothing
            then()

    def failed(self, why: str) -> None:
        """The network says that what was sent did not arrive."""
        if self.waits or self.lives_with_connection:
            self.waits = False
            self.failure = why
            self.advance(self.session.transport_failed(self._loop.time()))

    def advance(self, events: Sequence[Any] = ()) -> None:
        """Send and tell what the session has to, after anything was done to it."""
        self._flush()
        for event in events:
            self._hears(event)
        self._flush()
        self._arm()

    def _flush(self) -> None:
        for sending in self.session.sendings():
            if sending.source is None:
                self.waits = True
            self._network.send(sending, self)

    def _arm(self) -> None:
        if self._closed:
            return
        if self.session.is_over:
            self._close()
            return
        due = self.session.due
        # One that goes off too early looks again, which is cheaper than to cancel it at every step.
        if due < math.inf and (self._timer is None or due < self._timer.when()):
            self._disarm()
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.advance(self.session.tick(self._loop.time()))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._closed = True
        self._disarm()
        self._network.leave(self)


def _nothing() -> None:
    return
