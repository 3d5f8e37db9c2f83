"""One SMPP connection without its socket: octets and the time go in, events and octets come out.

The same for both ends. Whoever holds the socket hands over what came (`receive`), writes `data_to_send`, calls `tick`
at least when `due` comes, and `close` when the connection is gone. It answers enquire_link and unbind by itself, and
refuses what the peer may not send now; everything else that must be answered is an event, answered by `answer` at any
later time. Every request's token comes back exactly once: with its Answer, or as Unanswered.
"""

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import (
    HEADER,
    HEADER_OCTETS,
    LARGEST_SEQUENCE,
    LONGEST_PDU,
    Frame,
    FrameReader,
    pdu,
)


class Role(enum.Enum):
    ESME = "esme"
    SMSC = "smsc"


class State(enum.Enum):
    """3.4 §2.2; OUTBOUND is 5.0 §2.3.2: the SMSC asked for a bind."""

    OPEN = "open"
    OUTBOUND = "outbound"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBOUND = "unbound"
    CLOSED = "closed"


_BOTH = frozenset(Role)
_ESME, _SMSC = frozenset((Role.ESME,)), frozenset((Role.SMSC,))
_UNBOUND_YET = frozenset((State.OPEN, State.OUTBOUND))
_SENDS = frozenset((State.BOUND_TX, State.BOUND_TRX))
_RECEIVES = frozenset((State.BOUND_RX, State.BOUND_TRX))
_BOUND = _SENDS | _RECEIVES

MAY: Mapping[int, tuple[frozenset[Role], frozenset[State]]] = {
    c.BIND_TRANSMITTER: (_ESME, _UNBOUND_YET),
    c.BIND_RECEIVER: (_ESME, _UNBOUND_YET),
    c.BIND_TRANSCEIVER: (_ESME, _UNBOUND_YET),
    c.OUTBIND: (_SMSC, frozenset((State.OPEN,))),
    c.UNBIND: (_BOTH, _BOUND),
    c.SUBMIT_SM: (_ESME, _SENDS),
    c.SUBMIT_MULTI: (_ESME, _SENDS),
    c.QUERY_SM: (_ESME, _SENDS),
    c.CANCEL_SM: (_ESME, _SENDS),
    c.REPLACE_SM: (_ESME, _SENDS),
    c.DATA_SM: (_BOTH, _BOUND),
    c.DELIVER_SM: (_SMSC, _RECEIVES),
    c.ALERT_NOTIFICATION: (_SMSC, _RECEIVES),
    # 5.0 §2.4 allows it in every state, and load balancers use it before the bind.
    c.ENQUIRE_LINK: (_BOTH, _BOUND | _UNBOUND_YET | {State.UNBOUND}),
}
"""Who may send which request in which state (3.4 §2.3, Table 2-1). A response may be sent wherever its request came."""

_AFTER_BIND = {
    c.BIND_TRANSMITTER: State.BOUND_TX,
    c.BIND_RECEIVER: State.BOUND_RX,
    c.BIND_TRANSCEIVER: State.BOUND_TRX,
}
_WINDOWED = frozenset((c.SUBMIT_SM, c.SUBMIT_MULTI, c.DATA_SM, c.DELIVER_SM))


def _allowed(role: Role) -> Mapping[State, frozenset[int]]:
    return {
        state: frozenset(
            command for command, (roles, states) in MAY.items() if role in roles and state in states
        )
        for state in State
    }


_ALLOWED = {role: _allowed(role) for role in Role}
_PEER = {Role.ESME: Role.SMSC, Role.SMSC: Role.ESME}


class NotAllowed(Exception):
    """A request that may not be sent in this state, or a window that is full."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The response to a request of ours, whatever its status; a generic_nack is one too."""

    token: Any
    frame: Frame


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """A request of ours got no response in time, or the connection is gone: it may have been received."""

    token: Any


class Request(msgspec.Struct, frozen=True, gc=False):
    """A request of the peer's, to be answered with `Session.answer`."""

    frame: Frame


class Notice(msgspec.Struct, frozen=True, gc=False):
    """outbind or alert_notification, which have no response."""

    frame: Frame


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A request that the peer may not send now or that nobody knows: it was answered with `status`."""

    frame: Frame
    status: int


class Stray(msgspec.Struct, frozen=True, gc=False):
    """A response that nobody waits for: late, repeated, or another request's."""

    frame: Frame


class Unbound(msgspec.Struct, frozen=True):
    """The peer unbound, and was answered: write what is to be sent, then close."""


class Broken(msgspec.Struct, frozen=True):
    """The connection is of no more use: write what is to be sent, then close it."""

    why: str


Event = Answer | Unanswered | Request | Notice | Refused | Stray | Unbound | Broken

DEAD_PEER = "enquire_link was not answered"
_ENQUIRY = object()


class Session:
    """See the module. Times are seconds of any steady clock, the same for every call.

    `window` is how many messages may be unanswered at once (3.4 §2.9); enquire_link and unbind do not count. The peer
    is asked with enquire_link when nothing came from it for `enquire_seconds` (0: never), and is dead when that gets no
    response. With `by_itself` False enquire_link and unbind are Requests as well.
    """

    def __init__(
        self,
        role: Role,
        *,
        window: int = 10,
        answer_seconds: float = 30.0,
        enquire_seconds: float = 30.0,
        longest_pdu: int = LONGEST_PDU,
        by_itself: bool = True,
        now: float = 0.0,
    ) -> None:
        self.window = window
        self.answer_seconds = answer_seconds
        self.state = State.OPEN
        self._enquire_seconds = enquire_seconds
        self._by_itself = by_itself
        self._mine, self._peers = _ALLOWED[role], _ALLOWED[_PEER[role]]
        self._may_send = self._mine[State.OPEN]
        """Of requests, in this state."""
        self._may_come = self._peers[State.OPEN]
        self._reader = FrameReader(longest_pdu)
        self._out: list[bytes] = []
        """What is to be written."""
        self._sequence = 0
        """Of the last request of ours (3.4 §5.1.4: from 1; libsmpp34 refuses 0)."""
        self._waiting: dict[int, tuple[float, int, Any]] = {}
        """By sequence number, the requests of ours that have no response: until when, which one, whose. The oldest
        first, since all have as long."""
        self._in_window = 0
        """How many of them count for the window."""
        self._heard_at = now
        """When something came last."""
        self._enquired = False
        """Whether an enquire_link of ours has no response."""

    @property
    def room(self) -> int:
        """How many messages may be sent now; less than nothing while a larger window drains."""
        return self.window - self._in_window

    @property
    def is_bound(self) -> bool:
        return self.state in _BOUND

    @property
    def unanswered(self) -> int:
        """How many requests of ours have no response."""
        return len(self._waiting)

    def request(self, command: int, body: bytes = b"", token: Any = None, now: float = 0.0) -> int:
        """Send a request, whose Answer or Unanswered brings `token` back; its sequence number. Raises NotAllowed, also
        for a message when the window is full.
        """
        if command not in self._may_send:
            raise NotAllowed(f"{c.name_of(command)} while {self.state.value}")
        if command in _WINDOWED:
            if self._in_window >= self.window:
                raise NotAllowed("the window is full")
            self._in_window += 1
        sequence = self._sequence = self._next_sequence()
        if command not in c.WITHOUT_RESPONSE:
            self._waiting[sequence] = (now + self.answer_seconds, command, token)
        self._out += (HEADER.pack(HEADER_OCTETS + len(body), command, 0, sequence), body)
        if command == c.OUTBIND:
            self._enter(State.OUTBOUND)
        return sequence

    def _next_sequence(self) -> int:
        sequence = self._sequence
        while True:
            sequence = sequence + 1 if sequence < LARGEST_SEQUENCE else 1
            if sequence not in self._waiting:
                return sequence

    def answer(self, request: Frame, status: int = statuses.ESME_ROK, body: bytes = b"") -> bool:
        """Send the response to a Request; whether it could still be sent."""
        if self.state in (State.UNBOUND, State.CLOSED) and request.command != c.ENQUIRE_LINK:
            return False
        self._out.append(pdu(request.command | c.RESPONSE, status, request.sequence, body))
        if status == statuses.ESME_ROK:
            if request.command in _AFTER_BIND:
                self._enter(_AFTER_BIND[request.command])
            elif request.command == c.UNBIND:
                self._enter(State.UNBOUND)
        return True

    def nack(self, request: Frame, status: int) -> None:
        """Answer a request with generic_nack (3.4 §4.3)."""
        self._out.append(pdu(c.GENERIC_NACK, status, request.sequence))

    def data_to_send(self) -> bytes:
        """What is to be written now, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes, now: float = 0.0) -> list[Event]:
        """What `data` brings. After Broken nothing more."""
        self._heard_at = now
        events: list[Event] = []
        for frame in self._reader.receive(data):
            command = frame.command
            if command & c.RESPONSE:
                events += self._answered(frame)
            elif command in self._may_come:
                if command == c.ENQUIRE_LINK and self._by_itself:
                    self._out.append(pdu(c.ENQUIRE_LINK_RESP, 0, frame.sequence))
                elif command == c.UNBIND and self._by_itself:
                    self.answer(frame)
                    events.append(Unbound())
                elif command in c.WITHOUT_RESPONSE:
                    if command == c.OUTBIND:
                        self._enter(State.OUTBOUND)
                    events.append(Notice(frame))
                else:
                    events.append(Request(frame))
            else:
                events.append(self._refuse(frame))
        if self._reader.broken and self.state is not State.CLOSED:
            # 3.4 §4.3: a command_length that cannot be is answered by generic_nack, with no sequence number known.
            self._out.append(pdu(c.GENERIC_NACK, statuses.ESME_RINVCMDLEN, 0))
            events.append(Broken(self._reader.broken))
            events += self.close()
        return events

    def _answered(self, frame: Frame) -> tuple[Event, ...]:
        waiting = self._waiting.get(frame.sequence)
        if waiting is None:
            return (Stray(frame),)
        _, command, token = waiting
        if frame.command != command | c.RESPONSE and frame.command != c.GENERIC_NACK:
            return (Stray(frame),)
        del self._waiting[frame.sequence]
        if command in _WINDOWED:
            self._in_window -= 1
            return (Answer(token, frame),)
        if token is _ENQUIRY:
            self._enquired = False
            return ()
        if frame.status == statuses.ESME_ROK and frame.command != c.GENERIC_NACK:
            if command in _AFTER_BIND:
                self._enter(_AFTER_BIND[command])
            elif command == c.UNBIND:
                self._enter(State.UNBOUND)
        return (Answer(token, frame),)

    def _refuse(self, frame: Frame) -> Event:
        if frame.command not in MAY:
            status = statuses.ESME_RINVCMDID
            self.nack(frame, status)
            return Refused(frame, status)
        again = frame.command in c.BINDS and self.state in _BOUND
        status = statuses.ESME_RALYBND if again else statuses.ESME_RINVBNDSTS
        if frame.command not in c.WITHOUT_RESPONSE:
            self._out.append(pdu(frame.command | c.RESPONSE, status, frame.sequence))
        return Refused(frame, status)

    def tick(self, now: float) -> list[Event]:
        """What the time brings: requests that got no response, and a peer that must be asked or is dead (3.4 §7.2)."""
        events: list[Event] = []
        while self._waiting:
            sequence, (until, command, token) = next(iter(self._waiting.items()))
            if until > now:
                break
            del self._waiting[sequence]
            if command in _WINDOWED:
                self._in_window -= 1
            if token is _ENQUIRY:
                self._enquired = False
                if self._heard_at <= until - self.answer_seconds:
                    events.append(Broken(DEAD_PEER))
                    events += self.close()
                    return events
            else:
                events.append(Unanswered(token))
        if self._enquires and now >= self._heard_at + self._enquire_seconds:
            self._enquired = True
            self.request(c.ENQUIRE_LINK, token=_ENQUIRY, now=now)
        return events

    @property
    def due(self) -> float:
        """When `tick` has something to do at the earliest; infinity for never."""
        oldest = next(iter(self._waiting.values()), None)
        until = oldest[0] if oldest is not None else float("inf")
        return min(until, self._heard_at + self._enquire_seconds) if self._enquires else until

    @property
    def _enquires(self) -> bool:
        return self._enquire_seconds > 0 and not self._enquired and self.state in _BOUND

    def close(self) -> list[Event]:
        """The connection is gone: what is Unanswered by that. Safe twice."""
        lost: list[Event] = [
            Unanswered(token) for _, _, token in self._waiting.values() if token is not _ENQUIRY
        ]
        self._waiting.clear()
        self._in_window = 0
        self._enter(State.CLOSED)
        return lost

    def _enter(self, state: State) -> None:
        self.state = state
        self._may_send, self._may_come = self._mine[state], self._peers[state]
