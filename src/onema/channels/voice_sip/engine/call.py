"""One call: SIP to the trunk's places in turn, sound once it is answered, and what became of it."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from onema.channels.voice_sip import line as l
from onema.channels.voice_sip.clips import UnknownClip
from onema.channels.voice_sip.datagrams import Unreachable
from onema.channels.voice_sip.engine.call_media import CallMedia
from onema.channels.voice_sip.engine.conversation import Conversation
from onema.channels.voice_sip.engine.traces import CallTrace
from onema.channels.voice_sip.engine.trunk import RunningTrunk
from onema.channels.voice_sip.listeners import Far, MediaFigures
from onema.channels.voice_sip.media import Media
from onema.channels.voice_sip.ports import NoPort
from onema.channels.voice_sip.transports import Hop, Transport
from onema.domain.delivery.call import CallState
from onema.protocols.sip import call_events as c
from onema.protocols.sip.calling import OutgoingCall, Plan
from onema.protocols.sip.header_values import Reason

LAST_WORD_SECONDS = 0.3
"""How long the end of a call waits for the answer to our BYE, which its trace should have."""
STOP_SECONDS = 0.4
"""How long a call that is to be hung up may take to hear what becomes of its INVITE, before it is told as ended."""
MOST_KEYS = 64
"""More of what is pressed is not told."""
_LONGEST_SETUP = 86_400.0
"""The plan's times are this call's to keep, since they go on from place to place."""


class Call:
    """`tell` gets its news; `over` is called once, when nothing of it is left but what may be repeated."""

    def __init__(
        self,
        order: l.PlaceCall,
        trunk: RunningTrunk,
        media: Media,
        *,
        tell: Callable[[l.News], None],
        over: Callable[[int], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._order = order
        self.trunk = trunk
        self._settings = trunk.settings
        self._media = media
        self._tell = tell
        self._over = over
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._ways: list[tuple[Hop, Transport]] = []
        """Those that are left to be tried."""
        self._conversation: Conversation | None = None
        self._session: OutgoingCall | None = None
        """That of the hop that is tried now."""
        self._local_ip = ""
        """Where the media's port is; empty while there is none."""
        self._port = 0
        self._how: l.How | None = None
        """Why we hang up, once we do."""
        self._rang_at = self._answered_at = 0.0
        """The loop's time; 0.0: not yet."""
        self._keys = ""
        self._codec = ""
        self._starts_by_key = order.gate is not None
        """Whether the message still waits for its key."""
        self._trace = CallTrace()
        self._timers: list[asyncio.TimerHandle] = []
        self._place_timer: asyncio.TimerHandle | None = None
        self._unheard = False
        """Whether the far end's host refused our sound."""
        self._done = False
        """Whether it is over."""
        self._is_told = False
        """Whether CallEnded was told."""

    # What the engine does.

    def begin(self) -> None:
        self._ways = self.trunk.ways()
        self._moved(CallState.CALLING)
        self._later(self._settings.ring_seconds, self._not_answered)
        self._next_place(l.CallEnded(call=self._order.call, how=l.How.NOT_SENT, detail="it has no address"))

    def hang_up(self) -> None:
        """End it, whatever it does."""
        if self._done:
            return
        self._end(l.How.STOPPED)
        if not self._done:
            self._later(STOP_SECONDS, lambda: self._finish(self._facts(l.How.STOPPED, None)))

    def played(self) -> None:
        """The last packet of what it played was sent."""
        gate = self._order.gate
        if self._starts_by_key and gate is not None:
            self._play(gate.clips)
        else:
            self._end(l.How.PLAYED)

    def pressed(self, key: str) -> None:
        """By RFC 4733 or INFO."""
        if self._done or not self._answered_at:
            return
        if len(self._keys) < MOST_KEYS:
            self._keys += key
            self._moved(CallState.ANSWERED)
        gate = self._order.gate
        if self._starts_by_key and gate is not None:
            if key == gate.key:
                self._starts_by_key = False
                self._play(self._order.clips)
        elif key == self._order.repeat_key:
            self._play(self._order.clips)

    def unheard(self) -> None:
        """Its host says that nobody listens where the far end wanted the sound."""
        self._unheard = True

    # The places.

    def _next_place(self, failed: l.CallEnded) -> None:
        """Try the next one; where there is none, the call failed so."""
        while self._ways:
            hop, transport = self._ways.pop(0)
            try:
                self._invite(hop, transport)
            except (OSError, NoPort) as error:
                why = "no RTP port is free" if isinstance(error, NoPort) else f"{hop}: {error.strerror}"
                failed = l.CallEnded(call=self._order.call, how=l.How.NOT_SENT, detail=why)
            else:
                return
        self._finish(failed)

    def _invite(self, hop: Hop, transport: Transport) -> None:
        """Raises OSError, NoPort."""
        trunk, order = self.trunk, self._order
        local = trunk.local(transport, hop, order.invite.contact_user)
        local_ip = trunk.local_ip(hop)
        if local_ip != self._local_ip:
            self._stop_media()
            self._port = self._media.open(order.call, local_ip, own_port=self._settings.own_port)
            self._local_ip = local_ip
        invite = order.invite
        session = self._session = OutgoingCall(
            Plan(
                uri=invite.request_uri,
                from_=invite.from_,
                to=invite.to,
                headers=invite.headers,
                session_seconds=self._settings.session_seconds,
                setup_seconds=_LONGEST_SETUP,
                ring_seconds=_LONGEST_SETUP,
            ),
            local=local,
            media=CallMedia(self._settings, trunk.shown_ip(hop), self._port, hop.ip),
            tokens=trunk.tokens,
            digest=trunk.digest(),
            reliable=hop.reliable,
        )
        conversation = Conversation(
            trunk.network, session, transport, hop, lambda event: self._hears(session, event)
        )
        self._conversation = conversation
        self._trace.follow(conversation, local_ip)
        session.start(self._loop.time())
        self._place_timer = self._later(
            self._settings.answer_seconds, lambda: self._silent(session, conversation)
        )
        conversation.advance()

    def _silent(self, session: OutgoingCall, conversation: Conversation) -> None:
        """The place has had its time. An answer that it gives yet is met with CANCEL, or with ACK and BYE."""
        if session is not self._session or conversation.heard_any or self._how is not None or not self._ways:
            return
        self._session = None
        self.trunk.suspects(conversation.hop, "no response to an INVITE")
        conversation.advance(session.hang_up(self._loop.time()))
        self._next_place(l.CallEnded(call=self._order.call, how=l.How.SILENCE))

    # What the session tells.

    def _hears(self, session: OutgoingCall, event: c.CallEvent) -> None:
        if session is not self._session or self._done:
            return
        match event:
            case c.Ringing():
                self._rang_at = self._loop.time()
                self._moved(CallState.RINGING)
            case c.EarlyMedia(media):
                if self._settings.early_media:
                    self._connect(media)
            case c.Answered(media):
                self._answered(media)
            case c.MediaChanged(media):
                self._connect(media)
            case c.Key(digit):
                self.pressed(digit)
            case c.Ended():
                self._ended(event)

    def _answered(self, media: Far) -> None:
        self._answered_at = self._loop.time()
        self._codec = media.law.value
        self.trunk.works(self._hop)
        self._moved(CallState.ANSWERED)
        self._later(self._order.max_seconds, lambda: self._end(l.How.PLAYED))
        if not self._connect(media):
            self._end(l.How.BAD_MEDIA)
            return
        gate = self._order.gate
        if gate is not None:
            self._later(gate.seconds, self._no_key)
        self._play(gate.clips if gate is not None else self._order.clips)

    def _connect(self, media: Far) -> bool:
        """Send there; whether that can be."""
        try:
            self._media.connect(self._order.call, media)
        except (Unreachable, LookupError, ValueError):
            return False
        return True

    def _play(self, clips: Sequence[int]) -> None:
        try:
            self._media.play(self._order.call, clips)
        except UnknownClip:
            self._end(l.How.STOPPED)

    # The end.

    def _not_answered(self) -> None:
        if not self._answered_at:
            self._end(l.How.NO_ANSWER if self._rang_at else l.How.SILENCE)

    def _no_key(self) -> None:
        if self._starts_by_key:
            self._end(l.How.NO_KEY)

    def _end(self, how: l.How) -> None:
        """Hang up, for this reason. What the far end says meanwhile may be another."""
        if self._done or self._how is not None:
            return
        self._how = how
        if self._conversation is None or self._session is None:
            self._finish(self._facts(how, None))
            return
        reasons = (Reason("Q.850", 16),) if self._answered_at else ()
        self._conversation.advance(self._session.hang_up(self._loop.time(), reasons))

    def _ended(self, event: c.Ended) -> None:
        how = self._ended_how(event)
        facts = self._facts(how, event)
        if how in (l.How.NOT_SENT, l.How.SILENCE) and self._conversation is not None:
            self.trunk.suspects(self._hop, self._conversation.failure or event.why)
        # RFC 3263 §4.3: the next place is for whoever did not answer, or answered 503. What rang is not called again.
        may_go_on = how in (l.How.NOT_SENT, l.How.SILENCE) or event.status == 503
        if may_go_on and not event.rang and self._how is None and self._ways:
            self._session = None
            self._next_place(facts)
            return
        self._finish(facts)

    def _ended_how(self, event: c.Ended) -> l.How:
        if event.accepted:
            if event.by is c.By.THEM:
                return l.How.HUNG_UP
            if self._how is not None:
                return self._how
            return l.How.BAD_MEDIA if event.by is c.By.US else l.How.LOST
        if self._how is not None and event.status in (0, 487):
            return self._how
        if event.status:
            return l.How.REFUSED
        if event.by is c.By.TRANSPORT:
            return l.How.LOST if event.rang else l.How.NOT_SENT
        return l.How.NO_ANSWER if event.rang else l.How.SILENCE

    def _facts(self, how: l.How, event: c.Ended | None) -> l.CallEnded:
        now = self._loop.time()
        shown = {name.lower() for name in self._settings.shown_headers}
        detail = ""
        reasons: tuple[l.Reason, ...] = ()
        headers: tuple[tuple[str, str], ...] = ()
        if self._unheard:
            detail = "nobody listened where it wanted the sound"
        if event is not None:
            detail = event.why or detail
            if self._conversation is not None and self._conversation.failure and not event.status:
                detail = self._conversation.failure
            reasons = tuple(l.Reason(one.protocol.lower(), one.cause, one.text) for one in event.reasons)
            rows = event.message.headers if event.message is not None else ()
            headers = tuple(
                (name, value) for name, value in rows if name[:2].upper() == "X-" or name.lower() in shown
            )
        return l.CallEnded(
            call=self._order.call,
            how=how,
            status=event.status if event is not None else 0,
            phrase=event.phrase if event is not None else "",
            reasons=reasons,
            headers=headers,
            retry_after=float(event.retry_after or 0) if event is not None else 0.0,
            rang=bool(self._rang_at) or (event is not None and event.rang),
            answered=bool(self._answered_at),
            ring_seconds=(self._answered_at or now) - self._rang_at if self._rang_at else 0.0,
            talk_seconds=now - self._answered_at if self._answered_at else 0.0,
            keys=self._keys,
            codec=self._codec,
            detail=detail,
        )

    def _finish(self, facts: l.CallEnded) -> None:
        if self._done:
            return
        self._done = True
        for timer in self._timers:
            timer.cancel()
        figures = self._stop_media()
        facts = msgspec.structs.replace(
            facts,
            packets_sent=figures.packets_sent,
            packets_received=figures.packets_received,
            packets_lost=figures.packets_lost,
            jitter_ms=figures.jitter_ms,
        )
        if self._conversation is not None and self._conversation.waits and facts.how is not l.How.STOPPED:
            timer = self._loop.call_later(LAST_WORD_SECONDS, self._told, facts)

            def heard() -> None:
                timer.cancel()
                self._told(facts)

            self._conversation.on_next_message = heard
        else:
            self._told(facts)

    def _told(self, facts: l.CallEnded) -> None:
        """Once: the far end's last word may come after we stopped waiting for it."""
        if self._is_told:
            return
        self._is_told = True
        self._tell(msgspec.structs.replace(facts, trace=self._trace.kept()))
        self._over(self._order.call)

    def _stop_media(self) -> MediaFigures:
        if not self._local_ip:
            return MediaFigures()
        self._local_ip = ""
        with contextlib.suppress(LookupError):
            return self._media.stop(self._order.call)
        return MediaFigures()

    def _moved(self, state: CallState) -> None:
        self._tell(l.CallMoved(call=self._order.call, state=state, at=self._now_ms(), keys=self._keys))

    @property
    def _hop(self) -> Hop:
        assert self._conversation is not None  # noqa: S101  # only a session tells
        return self._conversation.hop

    def _later(self, seconds: float, what: Callable[[], Any]) -> asyncio.TimerHandle:
        timer = self._loop.call_later(seconds, what)
        self._timers.append(timer)
        return timer
