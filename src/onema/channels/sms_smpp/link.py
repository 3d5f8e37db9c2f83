"""One connection to an SMSC: a socket around protocols/smpp/session.py."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, cast

from onema.channels.pace import Pace
from onema.channels.sms_smpp.reports import RECEIVED, Answerer
from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.session import (
    Answer,
    Broken,
    Event,
    NotAllowed,
    Request,
    Role,
    Session,
    State,
    Unanswered,
    Unbound,
)

if TYPE_CHECKING:
    from onema.channels.sms_smpp.outbox import Submission

CLOSED_BY_SMSC = "the SMSC closed the connection"
UNBOUND_BY_SMSC = "the SMSC unbound"

_SENDS = frozenset((State.BOUND_TX, State.BOUND_TRX))


CLOSE_SECONDS = 0.3
"""How long the last octets of a connection may take."""


class LinkLost(Exception):
    """There is no connection any more; the text says why, for operators."""


class Answers(Protocol):
    """Who submits (outbox.Outbox)."""

    def answered(self, link: "Link", submission: "Submission", frame: Frame) -> None: ...
    def unanswered(self, submissions: "Iterable[Submission]") -> None: ...
    def remove(self, link: "Link") -> None: ...
    def pump(self) -> None: ...


class Link(asyncio.Protocol):
    """Writes once per turn of the loop what is to be written by then, and reads what comes."""

    def __init__(
        self,
        outbox: Answers,
        reports: Callable[[Frame, Answerer], None],
        *,
        window: int,
        answer_seconds: float,
        enquire_seconds: float,
        per_second: float,
        steady: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._reports = reports
        self._steady = steady
        self._loop = asyncio.get_running_loop()
        self.session = Session(
            Role.ESME,
            window=window,
            answer_seconds=answer_seconds,
            enquire_seconds=enquire_seconds,
            now=steady(),
        )
        self.pace = Pace(per_second)
        """Segments of this bind alone."""
        self.lost: asyncio.Future[str] = self._loop.create_future()
        """Done when the connection is gone, with the reason."""
        self._transport: asyncio.Transport | None = None
        self._writable = True
        """Whether the system takes more octets: what it does not is not heaped up here."""
        self._flushing = False
        """Whether a write is to come in the next turn."""
        self._resting: asyncio.TimerHandle | None = None
        """Until when nothing is submitted, after the SMSC said that it is too much."""
        self._allowed = window
        """How many may be unanswered: 1 after such a rest, twice as many with each answer, up to the window."""
        self.worked = False
        """Whether the SMSC ever accepted a submit."""
        self._why = ""
        """Why we close the connection ourselves."""
        self._idle: asyncio.Future[None] | None = None
        """Done when nothing is unanswered."""

    # Sending.

    @property
    def room(self) -> int:
        """How many submits may be written now."""
        if self._resting is not None or not self._writable or self._why:
            return 0
        session = self.session
        if self._allowed < session.window:
            return min(self._allowed - session.window + session.room, session.room)
        return session.room

    def submit(self, body: bytes, submission: "Submission", now: float) -> None:
        """Write a submit_sm; there must be `room`."""
        self.session.request(c.SUBMIT_SM, body, submission, now)
        self.pace.take(now)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def took(self) -> None:
        """The SMSC accepted a submit."""
        self.worked = True
        if self._allowed < self.session.window:
            self._allowed = min(2 * self._allowed, self.session.window)

    def throttled(self, seconds: float) -> None:
        """Rest; then begin with one submit."""
        self._allowed = 1
        if self._resting is None:
            self._resting = self._loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._outbox.pump()

    async def bind(self, command: int, body: bytes) -> Frame:
        """The SMSC's response. Raises LinkLost."""
        return await self._asked(command, body)

    async def unbind(self) -> None:
        """Raises LinkLost."""
        await self._asked(c.UNBIND)

    async def _asked(self, command: int, body: bytes = b"") -> Frame:
        if self.lost.done():
            raise LinkLost(self.lost.result())
        answer: asyncio.Future[Frame] = self._loop.create_future()
        try:
            self.session.request(command, body, answer, self._steady())
        except NotAllowed as error:
            raise LinkLost(str(error)) from None
        self._flush()
        await asyncio.wait((answer, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and not answer.cancelled():
            return answer.result()
        raise LinkLost(self.lost.result() if self.lost.done() else "no answer")

    async def drained(self) -> None:
        """Nothing is unanswered, or there is no connection."""
        while self.session.unanswered:
            if self._idle is None:
                self._idle = self._loop.create_future()
            await asyncio.shield(self._idle)

    def _answer(self, request: Frame, status: int, body: bytes) -> None:
        if self.session.answer(request, status, body) and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        data = self.session.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def tick(self) -> None:
        """Look at the time, a few times a second."""
        self._happened(self.session.tick(self._steady()))
        self._flush()
        self._outbox.pump()

    def close(self, why: str) -> None:
        """End the connection; what is still to be written is. Safe twice."""
        self._why = self._why or why
        if self._transport is None:
            return
        self._flush()
        self._transport.close()
        # An SMSC that reads nothing more, or does not end TLS, would keep it for ever.
        self._loop.call_later(CLOSE_SECONDS, self.abort, why)

    def abort(self, why: str) -> None:
        """End it at once: the other end is not there any more."""
        self._why = self._why or why
        if self._transport is not None:
            self._transport.abort()

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        found = transport.get_extra_info("socket")
        if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
            # With Nagle's algorithm a second submit waits for the first one's acknowledgement, some 40 ms.
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._happened(self.session.receive(data, self._steady()))
        self._outbox.pump()
        if not self._flushing:
            self._flush()

    def _happened(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Answer):
                token = event.token
                if isinstance(token, asyncio.Future):
                    if not token.done():
                        token.set_result(event.frame)
                else:
                    self._outbox.answered(self, token, event.frame)
            elif isinstance(event, Request):
                self._requested(event.frame)
            elif isinstance(event, Unanswered):
                self._unanswered(event)
            elif isinstance(event, Broken):
                self._flush()
                self.abort(event.why)
            elif isinstance(event, Unbound):
                self.close(UNBOUND_BY_SMSC)
        if self._idle is not None and not self.session.unanswered:
            self._idle.set_result(None)
            self._idle = None

    def _requested(self, frame: Frame) -> None:
        if frame.command in RECEIVED:
            self._reports(frame, self._answer)
        else:
            self._answer(frame, statuses.ESME_RINVCMDID, b"")

    def _unanswered(self, event: Unanswered) -> None:
        token = event.token
        if isinstance(token, asyncio.Future):
            token.cancel()
        else:
            self._outbox.unanswered((token,))

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._outbox.pump()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._resting is not None:
            self._resting.cancel()
        why = self._why or (f"{CLOSED_BY_SMSC}: {error}" if error else CLOSED_BY_SMSC)
        self._outbox.remove(self)
        if not self.lost.done():
            self.lost.set_result(why)
        self._happened(self.session.close())

    @property
    def sends(self) -> bool:
        return self.session.state in _SENDS
