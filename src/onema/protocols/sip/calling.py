"""One outgoing call without sockets: from the INVITE to the last BYE that may be repeated (RFC 3261 §13, §15).

Whoever has the socket hands over what has this `call_id` (`receive`), sends what `sendings` gives after each call of a
method, and calls `tick` at least when `due` comes, until `is_over`. Every call ends with exactly one Ended, within the
times of its plan and 64*T1: nobody's silence keeps it.

The call is never redirected (a 3xx is a failure), offers no 100rel, and so believes no 420 and no 421.
"""

import enum
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from onema.protocols.sip import transactions as t
from onema.protocols.sip.answers import Source, response_to
from onema.protocols.sip.bodies import session_description
from onema.protocols.sip.call_events import (
    Answered,
    By,
    CallEvent,
    EarlyMedia,
    Ended,
    Key,
    Media,
    Ringing,
)
from onema.protocols.sip.descriptions import NotAcceptable
from onema.protocols.sip.dialogs import Dialog, Local, Tokens
from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.established import ALLOW, Established
from onema.protocols.sip.header_values import Reason
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.info_keys import key_of, tells_key
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.session_timers import SessionTimer
from onema.protocols.sip.transaction import Timing, cancellation


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to call, and as who. Times are seconds."""

    uri: str
    """The Request-URI."""
    from_: str
    """A name-addr without tag."""
    to: str
    """A name-addr."""
    headers: tuple[tuple[str, str], ...] = ()
    """Others of the INVITE: identities, what a carrier asks for."""
    routes: tuple[str, ...] = ()
    """Route values of an outbound proxy that wants them."""
    session_seconds: int = 1800
    """What is asked for as the length of a session between refreshes (RFC 4028); 0: what the far end likes."""
    setup_seconds: float = 32.0
    """How long the first sign of ringing may take; without any response no longer than 64*T1 (timer B) either."""
    ring_seconds: float = 60.0
    """How long it may ring."""

    def __repr__(self) -> str:
        """Without the numbers."""
        return "<Plan of a call>"


class _Phase(enum.Enum):
    NEW = enum.auto()
    CALLING = enum.auto()
    """The INVITE has no response: a CANCEL must wait (§9.1)."""
    PROCEEDING = enum.auto()
    CANCELLING = enum.auto()
    UP = enum.auto()
    OVER = enum.auto()


class _Leaving(msgspec.Struct, frozen=True):
    """Why the INVITE is to be taken back."""

    by: By
    why: str
    reasons: Sequence[Reason] = ()


class OutgoingCall:
    """See the module. Times are seconds of any steady clock, the same for every call."""

    def __init__(
        self,
        plan: Plan,
        *,
        local: Local,
        media: Media,
        tokens: Tokens,
        digest: DigestClient | None = None,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        reliable: bool = False,
    ) -> None:
        self.call_id = tokens()
        self._plan, self._local, self._media, self._tokens = plan, local, media, tokens
        self._digest = digest
        """What answers challenges; one for many calls saves them the first refusal."""
        self._transactions = t.Transactions(timing, reliable=reliable)
        self._timing = timing
        self._timer = SessionTimer(plan.session_seconds)
        self._phase = _Phase.NEW
        self._tag = tokens()
        """Ours, in From."""
        self._number = 0
        """CSeq of the last INVITE."""
        self._branch = ""
        """Of the last INVITE."""
        self._invite = Request("INVITE", plan.uri, Headers())
        self._leaving: _Leaving | None = None
        """Set once the INVITE is to be taken back."""
        self._dialogs: dict[str, Established] = {}
        """By the far end's tag, each that gave a 2xx."""
        self._up: Established | None = None
        """The one that is talked to."""
        self._early: dict[str, Any] = {}
        """By the far end's tag, what provisional responses agreed about media."""
        self._rang = self._accepted = False
        self._left_by: str | None = None
        """The tag of a far end whose BYE came before its 2xx."""
        self._answer_at = math.inf
        """Until when it must ring, and then be answered."""
        self._final_at = math.inf
        """Until when an INVITE that was taken back may have no final response, and then be remembered."""

    # What the caller does.

    def start(self, now: float) -> None:
        """Send the INVITE."""
        self._answer_at = now + self._plan.setup_seconds
        self._ask(now)

    def hang_up(self, now: float, reasons: Sequence[Reason] = ()) -> list[CallEvent]:
        """End the call at any time: by BYE, by CANCEL, or by CANCEL as soon as one may be sent. Safe twice. The Ended
        of a call that was up is among what it returns; one that was not waits for what became of the INVITE.
        """
        if self._phase is _Phase.UP and self._up is not None:
            self._up.hang_up(now, reasons)
            return self._end(Ended(by=By.US))
        return self._take_back(_Leaving(By.US, "hung up before the answer", reasons), now)

    def sendings(self) -> list[t.Sending]:
        """What is to be sent now, once, in order."""
        return self._transactions.sendings()

    @property
    def is_over(self) -> bool:
        """Whether it Ended and nothing of it can come again."""
        return self._phase is _Phase.OVER and self._transactions.is_idle

    @property
    def due(self) -> float:
        """When `tick` has something to do at the earliest; infinity for never."""
        due = min(self._transactions.due, self._answer_at, self._final_at)
        return min(due, self._up.due) if self._up is not None else due

    # What comes.

    def receive(
        self, message: Request | Response, now: float, source: Source | None = None
    ) -> list[CallEvent]:
        """What a message of this call brings."""
        return self._happened(self._transactions.receive(message, now, source), now)

    def transport_failed(self, now: float) -> list[CallEvent]:
        """What was sent did not arrive, as ICMP says, or the connection is gone (§8.1.3.1, §18.4). A call that is up
        goes on: its media have a way of their own.
        """
        return self._happened(self._transactions.transport_failed(), now)

    def tick(self, now: float) -> list[CallEvent]:
        """What the time brings."""
        events = self._happened(self._transactions.tick(now), now)
        if now >= self._answer_at:
            self._answer_at = math.inf
            events += self._too_late(now)
        if now >= self._final_at:
            self._final_at = math.inf
            events += self._without_final(now)
        if self._up is not None:
            events += self._of_dialog(self._up.tick(now))
        return events

    def _happened(self, happened: list[t.Event], now: float) -> list[CallEvent]:
        events: list[CallEvent] = []
        for event in happened:
            if isinstance(event, t.Asked):
                events += self._asked(event, now)
            elif isinstance(event, t.Answered):
                events += self._heard(event, now)
            elif isinstance(event, t.Unanswered):
                events += self._unanswered(event, now)
            elif isinstance(event, t.NotAcknowledged):
                established = self._dialogs.get(event.request.from_.tag)
                if established is not None:
                    events += self._of_dialog(established.not_acknowledged(event, now))
        return events

    # The INVITE and its answers.

    def _ask(self, now: float) -> None:
        plan, local = self._plan, self._local
        self._number += 1
        self._phase = _Phase.CALLING
        headers = Headers([("Via", local.via(self._tokens)), ("Max-Forwards", "70")])
        for route in plan.routes:
            headers.add("Route", route)
        headers.add("From", f"{plan.from_};tag={self._tag}")
        headers.add("To", plan.to)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{self._number} INVITE")
        headers.add("Contact", local.contact)
        headers.add("Allow", ALLOW)
        self._timer.ask(headers)
        if local.agent:
            headers.add("User-Agent", local.agent)
        for name, value in plan.headers:
            headers.add(name, value)
        headers.add("Content-Type", "application/sdp")
        self._invite = Request("INVITE", plan.uri, headers, self._media.offer)
        if self._digest is not None:
            self._digest.authorize(self._invite)
        self._branch = self._transactions.ask(self._invite, now)

    def _heard(self, event: t.Answered, now: float) -> list[CallEvent]:
        if event.branch != self._branch:
            established = self._dialogs.get(event.request.to.tag)
            return self._of_dialog(established.heard(event, now)) if established is not None else []
        if event.request.method == "CANCEL":
            # Its own answer says nothing: the INVITE's does (§9.1).
            return []
        response = event.response
        if response.status < 200:
            return self._progress(response, now)
        if response.status < 300:
            return self._accept(response, now)
        if self._leaving is None and self._phase is not _Phase.OVER and self._try_again(response):
            self._ask(now)
            return []
        self._answer_at = self._final_at = math.inf
        if self._leaving is not None and response.status in (401, 407, 422, 487):
            return self._end(Ended(by=self._leaving.by, why=self._leaving.why, **_final(response)))
        # Others crossed our CANCEL: they say how it was.
        return self._end(Ended(by=By.THEM, **_final(response)))

    def _try_again(self, response: Response) -> bool:
        if response.status in (401, 407):
            return self._digest is not None and self._digest.learn(self._invite, response)
        # RFC 4028 §7.4: once, as a larger Min-SE than the first cannot be told apart from a loop.
        return response.status == 422 and not self._timer.is_raised and self._timer.raise_to(response)

    def _progress(self, response: Response, now: float) -> list[CallEvent]:
        if self._phase is _Phase.CALLING:
            self._phase = _Phase.PROCEEDING
        if self._leaving is not None:
            self._cancel(now)
            return []
        if self._phase is not _Phase.PROCEEDING:
            return []
        events: list[CallEvent] = []
        if response.status in (180, 181, 182, 183) and not self._rang:
            self._rang = True
            self._answer_at = now + self._plan.ring_seconds
            events.append(Ringing(response.status))
        if response.status != 199 and (said := session_description(response)):
            events += self._early_media(response, said)
        return events

    def _early_media(self, response: Response, said: bytes) -> list[CallEvent]:
        try:
            agreed = self._media.accept(said)
        except NotAcceptable:
            # The 2xx may say better; without one nothing was lost.
            return []
        is_news = agreed not in self._early.values()
        self._early[response.to.tag] = agreed
        return [EarlyMedia(agreed)] if is_news else []

    def _accept(self, response: Response, now: float) -> list[CallEvent]:
        """A 2xx: of the far end that is talked to once more, of the first one, or of another fork (§13.2.2.4)."""
        self._accepted = True
        self._answer_at = math.inf
        tag = response.to.tag
        established = self._dialogs.get(tag)
        if established is not None:
            established.acknowledge(self._invite, self._branch)
            return []
        established = self._dialogs[tag] = Established(
            Dialog.of_response(self._invite, response),
            self._transactions,
            local=self._local,
            media=self._media,
            timer=self._timer if self._up is None else SessionTimer(0),
            digest=self._digest,
            tokens=self._tokens,
        )
        established.know(response)
        established.acknowledge(self._invite, self._branch)
        if tag == self._left_by:
            established.over = True
            return []
        if self._up is not None or self._phase is _Phase.OVER:
            established.hang_up(now)
            return []
        self._up = established
        if self._leaving is not None:
            established.hang_up(now, self._leaving.reasons)
            return self._end(Ended(by=self._leaving.by, why=self._leaving.why, **_final(response)))
        try:
            if said := session_description(response):
                established.agreed = self._media.accept(said)
            elif tag in self._early:
                # §13.2.1 wants it in the 2xx; far ends that said it in a 183 leave it out.
                established.agreed = self._early[tag]
            else:
                raise NotAcceptable("the answer has no session description")
        except NotAcceptable as bad:
            established.hang_up(now)
            return self._end(Ended(by=By.US, why=str(bad), **_final(response)))
        self._timer.agreed(response, now)
        self._phase = _Phase.UP
        return [Answered(established.agreed)]

    # Taking it back.

    def _take_back(self, leaving: _Leaving, now: float) -> list[CallEvent]:
        if self._leaving is not None or self._phase in (_Phase.UP, _Phase.OVER):
            return []
        self._leaving = leaving
        self._answer_at = math.inf
        if self._phase is _Phase.NEW:
            return self._end(Ended(by=leaving.by, why=leaving.why))
        if self._phase is _Phase.PROCEEDING:
            self._cancel(now)
        else:
            # Nobody may have it: then nobody should get it. A response still brings the CANCEL.
            self._transactions.hush(self._branch)
        return []

    def _cancel(self, now: float) -> None:
        if self._phase is _Phase.CANCELLING or self._final_at < math.inf:
            return
        if self._phase is not _Phase.OVER:
            self._phase = _Phase.CANCELLING
        cancel = cancellation(self._invite)
        if self._leaving is not None:
            for reason in self._leaving.reasons:
                cancel.headers.add("Reason", reason.encode())
        self._transactions.ask(cancel, now)
        # §9.1: so long may a far end owe the final response.
        self._final_at = now + self._timing.whole

    def _too_late(self, now: float) -> list[CallEvent]:
        if self._rang:
            return self._take_back(_Leaving(By.TIMEOUT, "nobody answered"), now)
        silent = self._phase is _Phase.CALLING
        why = "no response to the INVITE" if silent else "it did not begin to ring"
        events = self._take_back(_Leaving(By.TIMEOUT, why), now)
        # Without any response another way may be tried at once: a late one brings the CANCEL, or ACK and BYE.
        return self._end(Ended(by=By.TIMEOUT, why=why)) if silent else events

    def _without_final(self, now: float) -> list[CallEvent]:
        if self._phase is _Phase.OVER:
            self._transactions.forget(self._branch)
            return []
        # A 2xx that comes yet is acknowledged and hung up.
        self._final_at = now + self._timing.whole
        assert self._leaving is not None  # noqa: S101  # only _cancel sets the time
        return self._end(Ended(by=self._leaving.by, why=self._leaving.why))

    def _unanswered(self, event: t.Unanswered, now: float) -> list[CallEvent]:
        if event.request.method == "CANCEL":
            return []
        if event.branch != self._branch:
            established = self._dialogs.get(event.request.to.tag)
            return self._of_dialog(established.unanswered(event, now)) if established is not None else []
        self._answer_at = self._final_at = math.inf
        if event.refused:
            return self._end(Ended(by=By.TRANSPORT, why="the INVITE could not be sent"))
        by = self._leaving.by if self._leaving is not None else By.TIMEOUT
        return self._end(Ended(by=by, why="no response to the INVITE"))

    # What the far end asks.

    def _asked(self, asked: t.Asked, now: float) -> list[CallEvent]:
        request = asked.request
        if request.to.tag == self._tag:
            established = self._dialogs.get(request.from_.tag)
            if established is not None:
                return self._of_dialog(established.asked(asked, now))
            if asked.key is not None and self._phase in (
                _Phase.PROCEEDING,
                _Phase.CANCELLING,
                _Phase.CALLING,
            ):
                return self._asked_early(asked.key, request, now)
        if asked.key is not None:
            self._transactions.answer(asked.key, response_to(request, 481), now)
        return []

    def _asked_early(self, key: t.Key, request: Request, now: float) -> list[CallEvent]:
        """A request of a far end whose 2xx was lost or overtaken, or that has given none."""
        method, status = request.method, 481
        events: list[CallEvent] = []
        more: list[tuple[str, str]] = []
        if method == "BYE":
            # §15: only who accepted may send one. Its 2xx is acknowledged when it comes again.
            status = 200
            self._accepted, self._left_by = True, request.from_.tag
            self._leaving = self._leaving or _Leaving(By.THEM, "")
            self._transactions.hush(self._branch)
            self._answer_at, self._final_at = math.inf, now + self._timing.whole
            events += self._end(Ended(by=By.THEM, message=request))
        elif method in ("INVITE", "UPDATE"):
            # §14.2, RFC 3311 §5.2: our own offer has no answer yet.
            status = 491
        elif method == "OPTIONS" or (method == "INFO" and not request.body):
            status, more = 200, [("Allow", ALLOW)]
        elif method == "INFO" and tells_key(request):
            status = 200
            events += [Key(digit)] if (digit := key_of(request)) else []
        self._transactions.answer(key, response_to(request, status, more=more), now)
        return events

    # The end.

    def _of_dialog(self, events: list[CallEvent]) -> list[CallEvent]:
        """What a dialog tells, where it is the one that is talked to."""
        told: list[CallEvent] = []
        for event in events:
            if isinstance(event, Ended):
                told += self._end(event) if self._up is not None and self._up.over else []
            elif self._phase is _Phase.UP:
                told.append(event)
        return told

    def _end(self, ended: Ended) -> list[CallEvent]:
        if self._phase is _Phase.OVER:
            return []
        self._phase = _Phase.OVER
        rang = self._rang or self._accepted
        if self._accepted and not ended.status:
            ended = msgspec.structs.replace(ended, status=200)
        return [msgspec.structs.replace(ended, rang=rang, accepted=self._accepted)]


def _final(response: Response) -> dict[str, Any]:
    return {"status": response.status, "phrase": response.reason, "message": response}
