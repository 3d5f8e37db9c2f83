"""One call as the called end sees it, without sockets: a phone for simulators and tests, which does what its script
says, right or wrong (RFC 3261 §13.3, §9.2).
"""

import math
from collections.abc import Callable

import msgspec

from onema.protocols.sip import transactions as t
from onema.protocols.sip.answers import Source, response_to
from onema.protocols.sip.bodies import session_description
from onema.protocols.sip.call_events import Answered, By, CallEvent, EarlyMedia, Ended, Media
from onema.protocols.sip.descriptions import Malformed, NotAcceptable
from onema.protocols.sip.dialogs import Dialog, Local, Tokens
from onema.protocols.sip.established import ALLOW, UNDERSTOOD, Established
from onema.protocols.sip.header_values import Reason, SessionExpires, read_session_expires
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.session_timers import LEAST, SessionTimer
from onema.protocols.sip.transaction import Timing


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What a called phone does. Seconds count from the INVITE where nothing else is said."""

    silent: bool = False
    """Nothing is answered, as behind a dead network."""
    provisional: tuple[tuple[float, int], ...] = ((0.0, 180),)
    """Provisional responses, and when; a 183 has a session description."""
    final_after: float | None = 0.0
    """None: it rings until the caller gives up."""
    status: int = 200
    phrase: str = ""
    """Empty: that of RFC 3261."""
    headers: tuple[tuple[str, str], ...] = ()
    """Others of the final response: Reason, Retry-After, Contact of a 3xx, a carrier's own."""
    forks: int = 1
    """How many phones accept: each 2xx has a tag of its own."""
    accepts_after_cancel: bool = False
    """A CANCEL is answered, and then the INVITE is accepted, as when both cross."""
    min_session: int = LEAST
    """Shorter sessions are refused by 422 (RFC 4028 §9)."""
    session_seconds: int = 0
    """What the 2xx says though it was not asked for; 0: what was asked for."""
    refresher: str = ""
    """`uac` or `uas` of the 2xx; empty: as it was asked for, or uac."""
    hangs_up_after: float | None = None
    """Since the 2xx: no ACK is waited for. None: the caller hangs up."""
    bye_headers: tuple[tuple[str, str], ...] = ()
    answers_bye: bool = True


Door = Callable[[Request], tuple[int, list[tuple[str, str]]]]
"""The status and the header fields that refuse an INVITE without the right credentials; without fields it is let in."""


class IncomingCall:
    """See the module: of one INVITE and what follows it with the same Call-ID, challenges included. Times are seconds
    of any steady clock. Events are those of a call; there is one Ended, as soon as the INVITE was refused or a call
    that was accepted is over.
    """

    def __init__(
        self,
        script: Script,
        *,
        local: Local,
        media: Media,
        tokens: Tokens,
        door: Door | None = None,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        reliable: bool = False,
    ) -> None:
        self.script = script
        self.invite: Request | None = None
        """The one that was let in."""
        self._local, self._media, self._tokens, self._door = local, media, tokens, door
        self._transactions = t.Transactions(timing, reliable=reliable)
        self._key: t.Key = ()
        """Of the INVITE that was let in."""
        self._phones: dict[str, Established] = {}
        """By our tags: the first is the one that talks."""
        self._body = b""
        """Our session description for the INVITE."""
        self._waiting: list[tuple[float, int]] = []
        """Responses that are to be sent yet, and when."""
        self._bye_at = math.inf
        self._accepted = self._ended = False

    def sendings(self) -> list[t.Sending]:
        """What is to be sent now, once, in order."""
        return [] if self.script.silent else self._transactions.sendings()

    @property
    def is_over(self) -> bool:
        """Whether it Ended, or never began, and nothing of it can come again."""
        return (self._ended or self.invite is None) and self._transactions.is_idle

    @property
    def due(self) -> float:
        """When `tick` has something to do at the earliest; infinity for never."""
        first = min((at for at, _ in self._waiting), default=math.inf)
        dialogs = min((phone.due for phone in self._phones.values()), default=math.inf)
        return min(self._transactions.due, first, self._bye_at, dialogs)

    @property
    def _phone(self) -> Established:
        return next(iter(self._phones.values()))

    def hang_up(self, now: float, reasons: tuple[Reason, ...] = ()) -> list[CallEvent]:
        """End the call: by BYE, or before the answer by 480. Safe twice."""
        if self.invite is None or self._ended:
            return []
        self._waiting.clear()
        if not self._accepted:
            self._answer(480, now)
            return self._end(Ended(by=By.US, status=480))
        for phone in self._phones.values():
            phone.hang_up(now, reasons)
        return self._end(Ended(by=By.US))

    def move_media(self, now: float) -> None:
        """Send a re-INVITE with the offer that Media has now."""
        if self._accepted and not self._ended:
            self._phone.offer_again(now)

    def inform(self, key: str, now: float) -> None:
        """Tell a key by INFO."""
        if self._accepted and not self._ended:
            self._phone.inform(key, now)

    def receive(
        self, message: Request | Response, now: float, source: Source | None = None
    ) -> list[CallEvent]:
        """What a message of this call brings."""
        if self.script.silent:
            return []
        return self._happened(self._transactions.receive(message, now, source), now)

    def transport_failed(self, now: float) -> list[CallEvent]:
        """What was sent did not arrive."""
        return self._happened(self._transactions.transport_failed(), now)

    def tick(self, now: float) -> list[CallEvent]:
        """What the time and the script bring."""
        events = self._happened(self._transactions.tick(now), now)
        while self._waiting and self._waiting[0][0] <= now:
            _, status = self._waiting.pop(0)
            events += self._respond(status, now)
        if now >= self._bye_at:
            self._bye_at = math.inf
            events += self._scripted_bye(now)
        for phone in list(self._phones.values()):
            events += self._of_dialog(phone.tick(now))
        return events

    def _happened(self, happened: list[t.Event], now: float) -> list[CallEvent]:
        events: list[CallEvent] = []
        for event in happened:
            if isinstance(event, t.Asked):
                events += self._asked(event, now)
            elif isinstance(event, t.Answered):
                events += self._of_dialog(self._of(event.request.from_.tag).heard(event, now))
            elif isinstance(event, t.Unanswered):
                events += self._of_dialog(self._of(event.request.from_.tag).unanswered(event, now))
            elif isinstance(event, t.NotAcknowledged) and self._phones:
                for phone in self._phones.values():
                    events += self._of_dialog(phone.not_acknowledged(event, now))
        return events

    def _of(self, tag: str) -> Established:
        return self._phones.get(tag) or self._phone

    def _asked(self, asked: t.Asked, now: float) -> list[CallEvent]:
        request, key = asked.request, asked.key
        phone = self._phones.get(request.to.tag)
        if request.to.tag and phone is not None:
            if key is not None and request.method == "BYE" and not self.script.answers_bye:
                self._transactions.ignore(key, now)
                self._transactions.acknowledged(self._key, now)
                phone.over = True
                return self._end(Ended(by=By.THEM, message=request))
            return self._of_dialog(phone.asked(asked, now))
        if key is None:
            return []
        if request.method == "CANCEL":
            return self._cancelled(key, request, now)
        if request.method != "INVITE" or request.to.tag or self.invite is not None:
            # §8.2.2.2: an INVITE that came by another way besides is 482.
            merged = request.method == "INVITE" and not request.to.tag
            self._transactions.answer(key, response_to(request, 482 if merged else 481), now)
            return []
        return self._invited(key, request, now)

    def _invited(self, key: t.Key, request: Request, now: float) -> list[CallEvent]:
        tag = self._tokens()
        refusal = self._refusal(request, tag)
        if refusal is not None:
            self._transactions.answer(key, refusal, now)
            return []
        try:
            said = session_description(request)
            self._body, agreed = self._media.answer(said) if said else (self._media.offer, None)
        except NotAcceptable as bad:
            status = 400 if isinstance(bad, Malformed) else 488
            self._transactions.answer(key, response_to(request, status, tag=tag), now)
            return []
        self.invite, self._key = request, key
        for number in range(max(self.script.forks, 1)):
            tag = tag if number == 0 else self._tokens()
            self._phones[tag] = phone = Established(
                Dialog.of_request(request, tag),
                self._transactions,
                local=self._local,
                media=self._media,
                timer=SessionTimer(0),
                digest=None,
                tokens=self._tokens,
            )
            phone.know(request)
            phone.agreed = agreed
        self._transactions.answer(key, response_to(request, 100), now)
        script = self.script
        responses = list(script.provisional)
        if script.final_after is not None:
            responses.append((script.final_after, script.status))
        self._waiting = sorted((now + after, status) for after, status in responses)
        return self.tick(now)

    def _refusal(self, request: Request, tag: str) -> Response | None:
        unknown = request.headers.tokens("Require") - UNDERSTOOD
        if unknown:
            more = [("Unsupported", ", ".join(sorted(unknown)))]
            return response_to(request, 420, tag=tag, more=more)
        status, challenge = self._door(request) if self._door is not None else (0, [])
        if challenge:
            return response_to(request, status, tag=tag, more=challenge)
        if self._timer_refuses(request):
            return response_to(request, 422, tag=tag, more=[("Min-SE", str(self.script.min_session))])
        return None

    def _timer_refuses(self, request: Request) -> bool:
        asked = read_session_expires(request.headers.get("Session-Expires"))
        return asked is not None and asked.seconds < self.script.min_session

    def _respond(self, status: int, now: float) -> list[CallEvent]:
        """The next response of the script."""
        if self._ended or self._accepted:
            return []
        if status < 200:
            self._answer(status, now, self._body if status == 183 else b"")
            return [EarlyMedia(self._phone.agreed)] if status == 183 else []
        if status >= 300:
            self._answer(status, now)
            return self._end(Ended(by=By.US, status=status))
        return self._accept(now)

    def _accept(self, now: float) -> list[CallEvent]:
        assert self.invite is not None  # noqa: S101  # only an INVITE is answered
        self._accepted = True
        self._waiting.clear()
        first = True
        for tag, phone in self._phones.items():
            response = self._response(200, tag, self._body)
            phone.timer.grant(self.invite, response.headers, now)
            self._of_script(response, phone, now)
            if first:
                self._transactions.answer(self._key, response, now)
            else:
                # RFC 6026 §7.1: as a proxy passes on what a second branch said.
                self._transactions.answer_besides(self._key, response)
            phone.accepted(self.invite.cseq.number, self._key, offered=not self.invite.body)
            first = False
        if self.script.hangs_up_after is not None:
            self._bye_at = now + self.script.hangs_up_after
        return [Answered(self._phone.agreed)]

    def _of_script(self, response: Response, phone: Established, now: float) -> None:
        script = self.script
        if script.session_seconds:
            value = SessionExpires(script.session_seconds, script.refresher or "uac")
            response.headers.set("Session-Expires", value.encode())
            if value.refresher == "uac":
                response.headers.set("Require", "timer")
            phone.timer.set(value, now)

    def _response(self, status: int, tag: str, body: bytes) -> Response:
        assert self.invite is not None  # noqa: S101  # only an INVITE is answered
        more = [("Contact", self._local.contact), ("Allow", ALLOW)] if status < 300 else []
        if self._local.agent:
            more.append(("Server", self._local.agent))
        final = status >= 200
        return response_to(
            self.invite,
            status,
            self.script.phrase if final and status == self.script.status else "",
            tag=tag,
            more=[*more, *(self.script.headers if final else ())],
            body=body,
        )

    def _answer(self, status: int, now: float, body: bytes = b"") -> None:
        self._transactions.answer(self._key, self._response(status, next(iter(self._phones)), body), now)

    def _cancelled(self, key: t.Key, cancel: Request, now: float) -> list[CallEvent]:
        invite = self._transactions.invite_of(cancel)
        tag = next(iter(self._phones), "")
        self._transactions.answer(key, response_to(cancel, 200 if invite else 481, tag=tag), now)
        if invite is None or invite != self._key or self._accepted or self._ended:
            return []
        if self.script.accepts_after_cancel:
            return self._accept(now)
        self._waiting.clear()
        self._answer(487, now)
        return self._end(Ended(by=By.THEM, status=487, message=cancel))

    def _scripted_bye(self, now: float) -> list[CallEvent]:
        if self._ended:
            return []
        for phone in self._phones.values():
            phone.hang_up(now, headers=self.script.bye_headers)
        return self._end(Ended(by=By.US))

    def _of_dialog(self, events: list[CallEvent]) -> list[CallEvent]:
        told: list[CallEvent] = []
        for event in events:
            if not isinstance(event, Ended):
                told.append(event)
            elif all(phone.over for phone in self._phones.values()):
                told += self._end(event)
        return told

    def _end(self, ended: Ended) -> list[CallEvent]:
        if self._ended:
            return []
        self._ended = True
        status = ended.status or (200 if self._accepted else 0)
        return [msgspec.structs.replace(ended, status=status, accepted=self._accepted, rang=True)]
