"""One connection to a simulated SMSC."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.pdus import Bind, BindResp, DataSm, MalformedPdu, MessageResp, ShortMessage, decode
from onema.protocols.smpp.session import (
    Answer,
    Broken,
    Event,
    Request,
    Role,
    Session,
    State,
    Unanswered,
    Unbound,
)
from onema.protocols.smpp.tlvs import SC_INTERFACE_VERSION
from onema.testing.smsc.receipts import Receipt
from onema.testing.smsc.script import ACCEPT, DISCONNECT, NACK, OCTETS, SILENCE, Reaction

if TYPE_CHECKING:
    from onema.testing.smsc.smsc import Smsc

_RECEIVES = (State.BOUND_RX, State.BOUND_TRX)
_SPEAKS = b"\x34"
# Of a receipt that overtakes the answer.
_HEAD_START_SECONDS = 0.01


class Link(asyncio.Protocol):
    """Reads what an ESME says, and does what the script says; `smsc` decides and remembers."""

    def __init__(self, smsc: "Smsc") -> None:
        self._smsc = smsc
        self._loop = asyncio.get_running_loop()
        self._tick: asyncio.TimerHandle | None = None
        self._answers = 0
        """Of submits, on this link."""
        self.session = self._new_session()
        self.system_id = ""
        """Who is bound; empty while nobody is."""
        self.outbox: deque[Receipt] = deque()
        """Receipts that wait for room in the window."""
        self.transport: asyncio.Transport | None = None
        """None before the connection and after it."""

    def _new_session(self) -> Session:
        script = self._smsc.script
        return Session(
            Role.SMSC,
            window=script.receipt_window,
            answer_seconds=script.receipt_patience,
            enquire_seconds=script.enquire_seconds,
            by_itself=False,
            now=self._loop.time(),
        )

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._smsc.connected(self)

    def data_received(self, data: bytes) -> None:
        if self._smsc.silent:
            return
        self._handle(self.session.receive(data, self._loop.time()))
        self.flush()

    def pause_writing(self) -> None:
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.transport is not None:
            self.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self._tick is not None:
            self._tick.cancel()
        self._handle(self.session.close())
        self._smsc.disconnected(self)

    # What the SMSC does with it.

    @property
    def receives(self) -> bool:
        return self.session.state in _RECEIVES and self.transport is not None

    def report(self, receipt: Receipt) -> None:
        """Send it when there is room."""
        self.outbox.append(receipt)
        if len(self.outbox) == 1:
            self._loop.call_soon(self.flush)

    def cut(self) -> None:
        """Break the connection, as if a cable were pulled: what was written may be lost."""
        if self.transport is not None:
            self.transport.abort()

    async def unbind(self) -> None:
        """Ask the ESME to go."""
        self.session.request(c.UNBIND, now=self._loop.time())
        self.flush()

    def flush(self) -> None:
        """Write what is to be written, and come back when time has something to do."""
        now = self._loop.time()
        while self.outbox and self.session.room > 0 and self.receives:
            receipt = self.outbox.popleft()
            self.session.request(receipt.command, receipt.body, receipt, now)
            self._smsc.reported(receipt)
        if self.transport is None:
            return
        if data := self.session.data_to_send():
            self.transport.write(data)
        due = self.session.due
        if due != float("inf") and (self._tick is None or self._tick.when() > due or self._tick.cancelled()):
            if self._tick is not None:
                self._tick.cancel()
            self._tick = self._loop.call_at(due, self._time_passed)

    def _time_passed(self) -> None:
        self._tick = None
        self._handle(self.session.tick(self._loop.time()))
        self.flush()

    # What the ESME said.

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Request):
                self._on_request(event.frame)
            elif isinstance(event, Answer | Unanswered) and isinstance(event.token, Receipt):
                status = event.frame.status if isinstance(event, Answer) else None
                self._smsc.on_receipt_answer(event.token, status, self.system_id)
            elif isinstance(event, Broken | Unbound):
                self._close()

    def _on_request(self, frame: Frame) -> None:
        command = frame.command
        if command in (c.SUBMIT_SM, c.DATA_SM):
            self._on_submit(frame)
        elif command in c.BINDS:
            self._on_bind(frame)
        elif command == c.ENQUIRE_LINK:
            if self._smsc.script.answers_enquiries:
                self.session.answer(frame)
        elif command == c.UNBIND:
            self.session.answer(frame)
            self._close()
        else:
            self.session.nack(frame, statuses.ESME_RINVCMDID)

    def _on_bind(self, frame: Frame) -> None:
        try:
            bind = decode(frame)
        except MalformedPdu as error:
            self.session.answer(frame, error.status)
            return
        assert isinstance(bind, Bind)
        reaction = self._smsc.on_bind(bind)
        if reaction.answer == ACCEPT:
            self.system_id = bind.system_id.decode("latin-1")
            answer = BindResp(system_id=b"simulator", tlvs=((SC_INTERFACE_VERSION, _SPEAKS),))
            self.session.answer(frame, body=answer.encode())
            self._smsc.bound(self)
        elif status := reaction.status:
            self.session.answer(frame, status)
            self._close()
        else:
            self._misbehave(frame, reaction)

    def _on_submit(self, frame: Frame) -> None:
        try:
            submit = decode(frame)
        except MalformedPdu as error:
            self.session.answer(frame, error.status)
            return
        assert isinstance(submit, ShortMessage | DataSm)
        verdict = self._smsc.on_submit(self.system_id, submit)
        reaction = verdict.reaction
        if verdict.status or reaction.answer != ACCEPT:
            self._after(reaction.answer_seconds, lambda: self._refuse(frame, verdict.status, reaction))
            return
        self._smsc.follow(verdict)
        seconds = reaction.answer_seconds
        if reaction.receipt_before_answer:
            seconds = max(seconds, _HEAD_START_SECONDS)
        self._after(seconds, lambda: self._accept(frame, verdict.message_id))

    def _accept(self, frame: Frame, message_id: str) -> None:
        self.session.answer(frame, body=MessageResp(message_id=message_id.encode()).encode())
        self._count_answer()

    def _refuse(self, frame: Frame, status: int, reaction: Reaction) -> None:
        """Refusals have no body, as those of many: libsmpp34 takes no other."""
        if status:
            self.session.answer(frame, status)
            self._count_answer()
        else:
            self._misbehave(frame, reaction)

    def _misbehave(self, frame: Frame, reaction: Reaction) -> None:
        if reaction.answer == DISCONNECT:
            self.cut()
        elif reaction.answer == NACK:
            self.session.nack(frame, statuses.ESME_RSYSERR)
        elif reaction.answer == OCTETS:
            self.flush()
            if self.transport is not None:
                self.transport.write(bytes.fromhex(reaction.octets))
        else:
            assert reaction.answer == SILENCE

    def _count_answer(self) -> None:
        self._answers += 1
        every = self._smsc.script.cut_every
        if every and self._answers % every == 0:
            self.flush()
            self._close()

    def _after(self, seconds: float, work: Callable[[], None]) -> None:
        if not seconds:
            work()
            return

        def then() -> None:
            work()
            self.flush()

        self._loop.call_later(seconds, then)

    def _close(self) -> None:
        """Close when what is to be written is written."""
        if self.transport is not None:
            if data := self.session.data_to_send():
                self.transport.write(data)
            self.transport.close()
